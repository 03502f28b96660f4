"""Where outcomes lie: a folder of its own for each data set, a run, below the results folder.

What runs share lies beside them: the store of fits, caches, Optuna's studies and their pictures.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from fkd_core.errors import UserError
from fkd_core.files import UNFINISHED, write_text
from fkd_core.sources import COMPLETE, PIPELINES

DEMO = "demo"
"""The run of the demo faces."""

NOTE = "run.json"
"""What makes a folder a run: which data its outcomes are of."""

SHARED = ("fits", "cache", "artifacts")
"""Folders of the results folder that all runs share; beside them lies studies.db."""

FINAL = "final.jsonl"
"""Beside these: how often set final was scored."""

OLDER = ("augmentation", "tuning", "best", "ensemble", "submission.csv")
"""What versions before 0.2 wrote directly into the results folder."""

Kind = Literal["verdicts", "meeting", "transfer"]
"""Of a table of search_augment.py: verdicts on set confirm, how the policy was chosen there and
what it gains on final, what it changes on other networks."""
TUNED, SCORE = "results.csv", "score.csv"
"""Tables of tune_models.py and of build_ensemble.py."""

_TAKEN = {*SHARED, *OLDER, FINAL, "predictions"}
_LONGEST = 60
"""Letters of a name: at four bytes each, what file systems take."""
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tar\.\w+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Run:
    """The outcomes on one data set; every path in it is given here."""

    folder: Path

    @property
    def name(self) -> str:
        """What --run calls it."""
        return self.folder.name

    @property
    def augmentation(self) -> Path:
        """Folder of search_augment.py: verdicts, meeting, policy."""
        return self.folder / "augmentation"

    def table(self, kind: Kind, pipeline: str) -> Path:
        """A table that search_augment.py wrote of what it found for a pipeline."""
        suffix = "" if pipeline == COMPLETE.name else f"-{pipeline}"
        return self.augmentation / f"{kind}{suffix}.csv"

    def tables(self, kind: Kind) -> dict[str, Path]:
        """Those that are there, by pipeline, in the order of PIPELINES."""
        paths = self.augmentation.glob(f"{kind}*.csv")
        found = {path.stem.removeprefix(kind).lstrip("-") or COMPLETE.name: path for path in paths}
        known = [*PIPELINES]
        order = {name: known.index(name) if name in known else len(known) for name in found}
        return {name: found[name] for name in sorted(found, key=lambda name: (order[name], name))}

    @property
    def policy(self) -> Path:
        """The augmentations that search_augment.py found."""
        return self.augmentation / "policy.json"

    @property
    def tuning(self) -> Path:
        """Folder of tune_models.py: tables of searches."""
        return self.folder / "tuning"

    @property
    def tuned(self) -> Path:
        """Table of the winners, which tune_models.py wrote."""
        return self.tuning / TUNED

    @property
    def best(self) -> Path:
        """Folder of the best configurations, which tune_models.py found."""
        return self.folder / "best"

    @property
    def ensemble(self) -> Path:
        """Folder of the ensemble that build_ensemble.py built."""
        return self.folder / "ensemble"

    @property
    def score(self) -> Path:
        """Table of the scores of the ensemble and what it is compared with."""
        return self.ensemble / SCORE

    @property
    def submission(self) -> Path:
        """What to upload."""
        return self.folder / "submission.csv"

    @property
    def predictions(self) -> Path:
        """Folder of what predict.py drew with the ensemble."""
        return self.folder / "predictions"

    @property
    def audit(self) -> Path:
        """Folder of audit_labels.py: suspect labels, their gallery, what corrections change."""
        return self.folder / "audit"

    @cached_property
    def made_by(self) -> Mapping[str, Any]:
        """What began it: command, data, pictures, faces, date; empty where nothing did yet.

        Raises UserError where its note cannot be read, or where the folder is none of a run.
        """
        path = self.folder / NOTE
        try:
            note = json.loads(path.read_text(encoding="utf-8"))
            return dict(note["made_by"])
        except (FileNotFoundError, NotADirectoryError):
            if self._foreign:
                raise UserError(
                    f"{self.folder} is there and no run, for it has no {NOTE}; give another --run"
                ) from None
            return {}
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}: cannot be read ({error}); delete that folder, or give another --run"
            ) from error

    def check(self, pictures: str) -> None:
        """Raises UserError where its outcomes are of other pictures than these."""
        made_by = self.made_by
        if made_by and made_by.get("pictures") != pictures[:16]:
            raise UserError(
                f"{self.folder} holds outcomes on other pictures ({made_by.get('faces', '?')} "
                f"faces, since {made_by.get('date', '?')}); keep these apart with --run OTHER, or "
                f"delete that folder (begun by: {made_by.get('command', '?')})"
            )

    def begun(self, made_by: Mapping[str, Any]) -> Run:
        """This run, with a note on its data from now on. Raises UserError where another command
        began it on other pictures."""
        self.check(str(made_by.get("pictures")))
        if not self.made_by:
            text = json.dumps({"made_by": dict(made_by)}, indent=2)
            write_text(self.folder / NOTE, text + "\n")
        return Run(self.folder)

    @property
    def _foreign(self) -> bool:
        """Whether somebody else has put something there."""
        if not self.folder.is_dir():
            return self.folder.exists()
        return any(not path.name.endswith(UNFINISHED) for path in self.folder.iterdir())


def run_of(results: Path, data: Path | None, name: str | None) -> Run:
    """The run that is meant: of this name, or else of this data's, or of the demo faces.

    Raises UserError for a name that no run can have.
    """
    if name is not None:
        option, known, safe = "--run", name, safe_name(name)
        if unicodedata.normalize("NFC", name) != safe or not name:
            advice = f"{safe!r} would do" if safe else "give letters and digits"
            raise UserError(f"--run: {name!r} is no name of a folder; {advice}")
    elif data is not None:
        option, known = "--data", str(data)
        safe = safe_name(data.name) or safe_name(data.resolve().name)
    else:
        return Run(results / DEMO)
    if not safe:
        raise UserError(f"{option}: {known} makes no name of a folder; give one with --run")
    if safe.casefold() in _TAKEN or safe.casefold().startswith("studies.db"):
        raise UserError(
            f"{option}: a run cannot be called {safe}, for something else in {results} is; give "
            "another name with --run"
        )
    return Run(results / safe)


def safe_name(text: str) -> str:
    """A name of data, without an archive's ending, as that of a folder on any system."""
    plain = unicodedata.normalize("NFC", _ARCHIVE.sub("", text))
    return re.sub(r"[^\w.-]+", "-", plain).strip("-.")[:_LONGEST].strip("-.")


def runs_in(results: Path) -> list[Run]:
    """All runs, by name."""
    return [Run(note.parent) for note in sorted(results.glob(f"*/{NOTE}"))]


def older_outcomes(results: Path) -> list[str]:
    """What a version before 0.2 left, which is not read any more."""
    return [name for name in OLDER if (results / name).exists()]
