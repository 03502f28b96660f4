"""How good one set of predictions is, and how much better than another: estimate and interval.

`comparison` asks what an arm does on average over fits. Here the predictions are given once and
for all, and chance lies in the faces alone: image groups are drawn, and nothing is fitted anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Pool:
    """Errors of one set of predictions on n faces that are scored together.

    Raises ValueError where shapes differ, a number is not finite or negative, an unlabelled face
    has an error, or nothing is labelled.
    """

    squared: NDArray[np.float64]
    """[n] sum of squared coordinate errors of each face, px^2."""
    count: NDArray[np.int64]
    """[n] labelled coordinates of each face."""
    group: NDArray[np.uint64]
    """[n] image group of each face."""
    weight: float = 1.0
    """Share of this pool in the whole score, beside the weights of the other pools."""

    def __post_init__(self) -> None:
        if self.group.ndim != 1 or not (
            self.squared.shape == self.count.shape == self.group.shape
        ):
            raise ValueError("squared, count and group must share one shape [n]")
        if not np.isfinite(self.squared).all() or (self.squared < 0).any():
            raise ValueError("squared errors must be finite and not negative")
        if (self.count < 0).any() or self.count.sum() == 0:
            raise ValueError("no face has a labelled coordinate")
        if self.squared[self.count == 0].any():
            raise ValueError("a face without a labelled coordinate cannot have an error")
        if not 0 <= self.weight < np.inf:
            raise ValueError(f"weight is {self.weight}; it must be finite and not negative")

    @property
    def mse(self) -> float:
        """Mean squared error over labelled coordinates, px^2."""
        return float(self.squared.sum() / self.count.sum())

    @classmethod
    def of_points(
        cls,
        predicted: NDArray[np.floating],
        truth: NDArray[np.floating],
        group: NDArray[np.uint64],
        weight: float = 1.0,
    ) -> Pool:
        """From predicted and true points, each [n, p, 2] in px; NaN truth is unlabelled.

        Raises ValueError where shapes differ or a labelled point has no finite prediction.
        """
        if predicted.shape != truth.shape or truth.ndim != 3 or truth.shape[2] != 2:
            raise ValueError(
                f"predicted {predicted.shape} and truth {truth.shape} must share a shape [n, p, 2]"
            )
        labelled = np.isfinite(truth)
        error = np.where(labelled, predicted.astype(np.float64) - truth, 0.0)
        return cls(
            squared=(error**2).sum(axis=(1, 2)),
            count=labelled.sum(axis=(1, 2), dtype=np.int64),
            group=group,
            weight=weight,
        )


@dataclass(frozen=True)
class Estimate:
    """A number of pixels and how sure it is; `low` <= `value` <= `high`."""

    value: float
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""


def rmse(
    pools: Sequence[Pool], *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> Estimate:
    """sqrt(sum of w MSE / sum of w) over pools with weights w: the difference from no error.

    The interval is `difference`'s, and so are the errors raised.
    """
    perfect = [replace(pool, squared=np.zeros_like(pool.squared)) for pool in pools]
    return difference(pools, perfect, level=level, draws=draws, seed=seed)


def difference(
    treatment: Sequence[Pool],
    control: Sequence[Pool],
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Estimate:
    """RMSE of the treatment - RMSE of the control, of pools paired by position; negative helps.

    The interval holds percentiles of `draws` seeded resamplings (Efron, "Bootstrap methods:
    another look at the jackknife", The Annals of Statistics 7, 1979). A draw takes image groups
    with replacement, of each pool on its own and the same in both arms; a group stands or falls
    with all its faces.

    Raises ValueError where there are no pools, the arms are not of the same faces and weights,
    every weight is 0, or a pool has labels in one image group alone.
    """
    total = sum(pool.weight for pool in control)
    if total <= 0:
        raise ValueError("a score needs a pool with a weight")
    random = np.random.default_rng(seed)
    mse = np.zeros((1 + draws, 2))
    for t, c in zip(treatment, control, strict=True):
        mse += c.weight / total * _resampled(t, c, draws, random)
    differences = np.sqrt(mse) @ (1, -1)
    value = float(differences[0])
    low, high = np.quantile(differences[1:], ((1 - level) / 2, (1 + level) / 2))
    return Estimate(value, min(float(low), value), max(float(high), value))


def _resampled(
    treatment: Pool, control: Pool, draws: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """[1 + draws, 2] MSE of treatment and control: as they are, then in every draw."""
    if not (
        treatment.weight == control.weight
        and np.array_equal(treatment.group, control.group)
        and np.array_equal(treatment.count, control.count)
    ):
        raise ValueError("treatment and control were not scored on the same faces and weights")
    scored = control.count > 0
    groups, column = np.unique(control.group[scored], return_inverse=True)
    if len(groups) < 2:
        raise ValueError("an interval needs labelled faces of 2 image groups or more")
    values = (treatment.squared, control.squared, control.count)
    table = np.stack([np.bincount(column, value[scored]) for value in values], axis=1)
    drawn = [table[random.integers(len(table), size=len(table))].sum(axis=0) for _ in range(draws)]
    sums = np.stack([table.sum(axis=0), *drawn])
    mse: NDArray[np.float64] = sums[:, :2] / sums[:, 2:]
    return mse
