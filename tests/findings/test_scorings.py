"""Each scoring on set final is counted once, whatever happens in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fkd_core.findings.scorings import in_words, scored, scorings
from fkd_core.runs import FINAL, Run

MADE_BY = {"date": "2026-12-01", "command": "build", "pictures": "ab", "data": "cd"}


def count(results: Path, **other: Any) -> int:
    return scorings(results, MADE_BY | other)


def test_what_comes_out_again_is_not_counted_again(tmp_path: Path) -> None:
    run = Run(tmp_path / "demo")
    assert count(tmp_path) == 0
    scored(run, MADE_BY, "ensemble of conv5", 1.2345678)
    scored(run, MADE_BY | {"date": "2026-12-02", "command": "fkd"}, "ensemble of conv5", 1.2345679)
    assert count(tmp_path) == 1
    scored(run, MADE_BY, "ensemble of conv5", 1.3)
    scored(run, MADE_BY, "ensemble of gated", 1.3)
    scored(Run(tmp_path / "other"), MADE_BY, "ensemble of gated", 1.3)
    assert count(tmp_path) == 4
    text = (tmp_path / FINAL).read_text()
    assert text.splitlines()[0] == (
        '{"run": "demo", "date": "2026-12-01", "command": "build", "pictures": "ab", '
        '"data": "cd", "scored": "ensemble of conv5", "px": 1.23457}'
    )


def test_other_pictures_have_a_set_final_of_their_own(tmp_path: Path) -> None:
    run = Run(tmp_path / "demo")
    scored(run, MADE_BY, "ensemble of conv5", 1.2)
    scored(run, MADE_BY | {"data": "corrected"}, "ensemble of conv5", 1.2)
    scored(run, MADE_BY | {"pictures": "other", "data": "other"}, "ensemble of conv5", 1.2)
    assert count(tmp_path) == 2
    assert count(tmp_path, pictures="other") == 1


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    run = Run(tmp_path / "demo")
    scored(run, MADE_BY, "ensemble of conv5", 1.2)
    path = tmp_path / FINAL
    path.write_bytes(path.read_bytes() + b'{"run": "de')
    scored(run, MADE_BY, "ensemble of gated", 1.1)
    assert count(tmp_path) == 2
    assert path.read_text().count("\n") == 3


def test_the_number_is_told_with_what_it_means() -> None:
    assert in_words(1).startswith("Set final of these pictures was scored once here: the more")
    assert "was scored 12 times here" in in_words(12)
