"""The last step of build_ensemble.py: the submission, and how much it should err."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fkd_core.data.kaggle import Competition
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.score import reckoned
from fkd_core.ensemble.stacking.stack import Stacked
from fkd_core.ensemble.submission import merged, write_submission
from fkd_core.ensemble.submitted import record
from fkd_core.evidence import Estimate
from fkd_core.terminal import console


def submit(
    path: Path,
    competition: Competition,
    ours: OutOfFold,
    stacked: Mapping[str, Stacked],
    final: Estimate,
    weights: Mapping[str, float],
    made_by: Mapping[str, Any],
    covers: float | None,
) -> Path:
    """Writes the submission and what speaks for it, and says how much it should err."""
    lookup, ids = competition.lookup, competition.test_ids
    assert lookup is not None
    assert ids is not None, "see ``obstacle``"
    points = {source: each.tests for source, each in stacked.items()}
    write_submission(path, lookup, merged(lookup, ids, points))
    names = tuple(f"{member.pipeline}/{member.name}" for member in ours.members)
    error = reckoned(final.value, {name: each.spread for name, each in stacked.items()}, weights)
    record(path, final, names, made_by, error, covers)
    if error is not None:
        parts = len(next(iter(stacked.values())).table.by_part)
        which = "fits on all faces" if ours.refits else "folds' fits"
        less = "at most " if ours.refits else ""  # they have learned from more faces
        console.print(
            f"Test images are answered by the mean of {parts} {which}, which errs less than one "
            f"fold's: {less}{error:.3f} px, reckoned by their variance there.",
            soft_wrap=True,
        )
    return path
