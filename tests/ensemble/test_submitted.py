"""What speaks for a submission, and the table of all of them that its reader may fill in."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest

from fkd_core.ensemble.submitted import record, set_aside
from fkd_core.errors import UserError
from fkd_core.evidence import Estimate

TOLD = {"command": "python experiments/build_ensemble.py", "seed": 0}


def rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "submissions.csv", newline="") as file:
        return list(csv.DictReader(file))


def write(folder: Path, content: str, score: float = 2.3) -> None:
    path = folder / "submission.csv"
    path.write_text(content)
    final = Estimate(score, score - 0.1, score + 0.1)
    record(path, final, ("complete/lenet5",), TOLD, reckoned=score - 0.05)


def test_the_note_beside_it_names_score_members_command_and_checksum(tmp_path: Path) -> None:
    write(tmp_path, "RowId,Location\n1,3\n")
    note = json.loads((tmp_path / "submission.json").read_text())
    assert (note["score"], note["low"], note["high"]) == (2.3, 2.2, 2.4)
    assert note["reckoned"] == 2.25
    assert note["members"] == ["complete/lenet5"]
    assert note["made_by"] == TOLD
    content = (tmp_path / "submission.csv").read_bytes()
    assert note["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_history_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    damaged = f"written\n{'x' * 200_000}\n"
    (tmp_path / "submissions.csv").write_text(damaged)
    with pytest.raises(UserError, match=r"submissions\.csv: cannot be read"):
        write(tmp_path, "one")
    assert (tmp_path / "submissions.csv").read_text() == damaged


def test_an_earlier_ensembles_submission_is_set_aside_with_what_speaks_for_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "submission.csv"
    assert set_aside(path) is None
    write(tmp_path, "one")
    aside = set_aside(path)
    assert aside is not None
    assert aside.read_text() == "one"
    assert rows(tmp_path)[0]["sha256"].startswith(aside.stem.removeprefix("submission-"))
    assert json.loads(aside.with_suffix(".json").read_text())["score"] == 2.3
    assert not path.exists()
    assert not path.with_suffix(".json").exists()


def test_every_submission_has_a_line_and_what_a_reader_wrote_stays(tmp_path: Path) -> None:
    write(tmp_path, "one")
    filled = (tmp_path / "submissions.csv").read_text().splitlines()
    filled = [filled[0] + ",remark", filled[1] + "1.98,first try"]
    (tmp_path / "submissions.csv").write_text("\n".join(filled) + "\n")
    write(tmp_path, "two", 2.1)
    write(tmp_path, "one", 2.2)
    first, second = rows(tmp_path)
    assert (first["public_score"], first["remark"], first["score"]) == ("1.98", "first try", "2.2")
    assert (second["public_score"], second["remark"], second["score"]) == ("", "", "2.1")
