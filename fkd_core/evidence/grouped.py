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
    """Sums over G image groups of k fits each of `a` arms; a group a fit did not hold out is 0.
    More axes may come before these: many studies at once."""

    squared: _Array
    """[..., a, k, G] squared errors, px^2."""
    count: _Array
    """[k, G], or [..., 1, k, G], labelled coordinates, the same in every arm."""

    @property
    def rmse(self) -> _Array:
        """[..., a, k] of each fit, px."""
        return np.asarray(np.sqrt(self.squared.sum(axis=-1) / self.count.sum(axis=-1)))

    @property
    def moves(self) -> _Array:
        """[..., a, k, G] px by which each group moves its fit's RMSE.

        Delta method: in RMSE = sqrt(S / n), group g moves it by (S_g - n_g MSE) / (2 RMSE n).
        """
        rmse, n = self.rmse[..., None], self.count.sum(axis=-1)[..., None]
        slope = 2 * rmse * n
        moved: _Array = np.divide(
            self.squared - self.count * rmse**2,
            slope,
            out=np.zeros_like(self.squared),
            where=slope > 0,
        )
        return moved


def tabulate(arms: Sequence[Sequence[FitErrors]]) -> GroupedErrors:
    """The table of arms whose fits are paired by position.

    Raises ValueError where a pair was scored on different faces, or on one image group alone.
    """
    for together in zip(*arms, strict=True):
        first = together[0]
        for fit in together[1:]:
            if not (
                np.array_equal(fit.group, first.group) and np.array_equal(fit.count, first.count)
            ):
                raise ValueError(
                    f"fold {fit.fold}, seed {fit.seed}: the arms were not scored on the same faces"
                )
    fits = arms[0]
    groups = np.unique(np.concatenate([fit.group for fit in fits]))
    if len(groups) < 2:
        raise ValueError("a comparison needs faces of 2 image groups or more")
    columns = [np.searchsorted(groups, fit.group) for fit in fits]

    def sums(values: Sequence[NDArray[np.generic]]) -> _Array:
        rows = zip(columns, values, strict=True)
        return np.stack([np.bincount(column, row, len(groups)) for column, row in rows])

    return GroupedErrors(
        np.stack([sums([fit.squared for fit in arm]) for arm in arms]),
        sums([fit.count for fit in fits]),
    )
