"""What speaks for a submission, kept beside it: where it comes from, and all that were written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fkd_core.evidence import Estimate
from fkd_core.files import digest_of, write_text
from fkd_core.tables import read_table, write_table

COLUMNS = (
    "written", "sha256", "score", "low", "high", "reckoned", "members", "command", "public_score",
)  # fmt: skip
"""Of submissions.csv; `public_score` is for its reader to fill in, and stays."""
_KEPT_COLUMN = "public_score"


@dataclass(frozen=True)
class Submission:
    """One file that may be uploaded."""

    sha256: str
    """Of the file."""
    written: str
    """Day and time, by this machine's clock."""
    score: float
    """RMSE on set final, px, weighted by what the competition requests."""
    low: float
    """Lower end of its 95% interval."""
    high: float
    """Upper end."""
    reckoned: float | None
    """The same for the mean of the folds' fits, which is what is submitted: less, by their
    variance on the test images. None where other fits answer them."""
    members: tuple[str, ...]
    """Models, each with its pipeline."""
    made_by: Mapping[str, Any]
    """See ``findings.provenance``."""
    covers: float | None = None
    """Share of the requested coordinates that the score speaks for."""


def record(
    path: Path,
    score: Estimate,
    members: tuple[str, ...],
    made_by: Mapping[str, Any],
    reckoned: float | None = None,
    covers: float | None = None,
) -> Submission:
    """Writes ``submission.json`` beside the submission at `path` and a line of
    ``submissions.csv``. A file equal to one that was written before keeps its line."""
    digest = digest_of(path)
    made = Submission(
        digest,
        datetime.now().isoformat(" ", "seconds"),
        round(score.value, 5),
        round(score.low, 5),
        round(score.high, 5),
        None if reckoned is None else round(reckoned, 5),
        members,
        dict(made_by),
        None if covers is None else round(covers, 5),
    )
    write_text(path.with_suffix(".json"), json.dumps(asdict(made), indent=2) + "\n")
    _add(path, made)
    return made


def set_aside(path: Path) -> Path | None:
    """Gives a submission of an earlier ensemble, and what speaks for it, another name, by the
    start of its SHA-256; its new path, or None where there is none."""
    if not path.exists():
        return None
    digest = digest_of(path)
    aside = path.with_name(f"{path.stem}-{digest[:8]}{path.suffix}")
    path.rename(aside)
    told = path.with_suffix(".json")
    if told.exists():
        told.rename(aside.with_suffix(".json"))
    return aside


def history(submission: Path) -> list[dict[str, str]]:
    """The lines of ``submissions.csv`` beside a submission. Raises UserError where it cannot be
    read, and so nothing can be added; ask before long work."""
    return read_table(submission.with_name("submissions.csv"))


def _add(path: Path, made: Submission) -> None:
    row = {
        "written": made.written,
        "sha256": made.sha256,
        "score": made.score,
        "low": made.low,
        "high": made.high,
        "reckoned": made.reckoned,
        "members": " ".join(made.members),
        "command": made.made_by.get("command", ""),
        _KEPT_COLUMN: "",
    }
    rows: list[dict[str, Any]] = [*history(path)]
    columns = list(dict.fromkeys((*COLUMNS, *(name for old in rows[:1] for name in old))))
    for old in rows:
        if old.get("sha256") == made.sha256:
            old.update({name: value for name, value in row.items() if name != _KEPT_COLUMN})
            break
    else:
        rows.append(row)
    write_table(path.with_name("submissions.csv"), rows, columns)
