"""Errors of paired fits, summed over image groups: what every standard error comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.evidence.errors import FitErrors

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroupedErrors:
    """Sums over image groups: [k fits, G groups]; a group a fit did not hold out is 0."""

    treatment: _Array
    control: _Array
    count: _Array
    fold: NDArray[np.int64]

    def differences(self, weights: _Array) -> _Array:
        """[k, draws] RMSE differences where group g counts weights[g, draw] times; NaN if none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            count = self.count @ weights
            treatment: _Array = np.sqrt(self.treatment @ weights / count)
            return treatment - np.sqrt(self.control @ weights / count)


def tabulate(treatment: Sequence[FitErrors], control: Sequence[FitErrors]) -> GroupedErrors:
    """The table of fits paired by position.

    Raises ValueError where a pair was scored on different faces, or on one image group alone.
    """
    for t, c in zip(treatment, control, strict=True):
        if not (np.array_equal(t.group, c.group) and np.array_equal(t.count, c.count)):
            raise ValueError(
                f"fold {t.fold}, seed {t.seed}: the arms were not scored on the same faces"
            )
    groups = np.unique(np.concatenate([fit.group for fit in control]))
    if len(groups) < 2:
        raise ValueError("a comparison needs faces of 2 image groups or more")
    columns = [np.searchsorted(groups, fit.group) for fit in control]

    def sums(values: Sequence[NDArray[np.generic]]) -> _Array:
        rows = zip(columns, values, strict=True)
        return np.stack([np.bincount(column, row, len(groups)) for column, row in rows])

    return GroupedErrors(
        sums([fit.squared for fit in treatment]),
        sums([fit.squared for fit in control]),
        sums([fit.count for fit in control]),
        np.array([fit.fold for fit in control]),
    )


def variance_of_groups(table: GroupedErrors) -> float:
    """Variance of the effect that comes from which image groups were held out, px^2.

    Delta method: in RMSE = sqrt(S / n), group g moves the RMSE by (S_g - n_g MSE) / (2 RMSE n).
    A group's moves are averaged over all fits first, so that it counts once however many seeds
    held it out. With one fold this is the variance of the mean influence / N.
    """
    n = table.count.sum(axis=1, keepdims=True)

    def moves(squared: _Array) -> _Array:
        mse = squared.sum(axis=1, keepdims=True) / n
        slope = 2 * np.sqrt(mse) * n
        moved: _Array = np.divide(
            squared - table.count * mse, slope, out=np.zeros_like(squared), where=slope > 0
        )
        return moved

    once = (moves(table.treatment) - moves(table.control)).mean(axis=0)
    return float((once**2).sum() * len(once) / (len(once) - 1))
