"""What changed labels change: models trained on them and on those as given, scored on equal ones.

Changed labels are in training alone. Every face is predicted by fits that never saw it, in all
arms, and scored against one set of labels, so that no arm wins by having easier ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.ensemble.table import Table
from fkd_core.evidence import Comparison, FitErrors, compare
from fkd_core.keypoints import KEYPOINTS
from fkd_core.sources import PIPELINES


@dataclass(frozen=True, eq=False)
class Arm:
    """What one configuration says of all faces, out of fold, when it is taught certain labels."""

    name: str
    said: Mapping[int, NDArray[np.float32]]
    """Seed to [N, 15, 2] px; NaN where a face was not predicted."""
    fold: NDArray[np.intp]
    """[N] which fold held a face out, -1 for none."""


@dataclass(frozen=True)
class Effect:
    """One arm against the labels as given."""

    arm: str
    scored_on: str
    """Which labels."""
    comparison: Comparison


def whole(tables: Mapping[str, Table], faces: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """[N, 15, 2] what the first member of each source's table says, in the source's own style,
    and the folds [N]."""
    said = np.full((faces, len(KEYPOINTS), 2), np.nan, np.float32)
    fold = np.full(faces, -1, np.intp)
    for source, table in tables.items():
        said[table.index[:, None], list(PIPELINES[source].keypoints)] = table.own[0]
        fold[table.index] = table.fold[0]
    return said, fold


def effects(
    control: Arm, arms: Sequence[Arm], faces: Faces, scored: Mapping[str, NDArray[np.floating]]
) -> list[Effect]:
    """Every arm against the control on each set of labels [N, 15, 2], in pairs of fold and seed.

    A label counts where all arms predict it. Pairs are those of the control's folds: an arm that
    takes labels away is dealt slightly other folds, which then is a part of its chance.
    """
    known = np.all(
        [np.isfinite(said) for arm in (control, *arms) for said in arm.said.values()], axis=0
    )
    found = []
    for name, truth in scored.items():
        labels = np.where(known, truth, np.nan)
        own = _errors(control, control.fold, labels, faces)
        for arm in arms:
            theirs = _errors(arm, control.fold, labels, faces)
            found.append(Effect(arm.name, name, compare(theirs, own)))
    return found


def _errors(
    arm: Arm, fold: NDArray[np.intp], truth: NDArray[np.floating], faces: Faces
) -> list[FitErrors]:
    found = []
    for seed, said in arm.said.items():
        squared = (said.astype(np.float64) - truth) ** 2
        for held_out in range(int(fold.max()) + 1):
            mine = np.flatnonzero(fold == held_out)
            found.append(
                FitErrors(
                    fold=held_out,
                    seed=seed,
                    group=faces.group[mine],
                    squared=np.nansum(squared[mine], axis=(1, 2)),
                    count=np.isfinite(squared[mine]).sum(axis=(1, 2), dtype=np.int64),
                    train_faces=int((fold >= 0).sum()) - len(mine),
                    train_rmse=float("nan"),
                    half_rmse=float("nan"),
                )
            )
    return found
