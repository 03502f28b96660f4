"""The variance of a mean over fits that hold out overlapping sets of faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Variance:
    """Of a mean, px^2, with the degrees of freedom it is known by."""

    value: float
    freedom: float


def two_way(values: _Array, moves: _Array) -> Variance:
    """The variance of the mean of `values` [k], one a fit, of which `moves` [k, G] tells how far
    each image group moved each of them.

    Chance lies in the fits (their seeds, their deals) and in the faces, and each of the two
    variances holds the noise of one fit on one face. So it is taken off once: fits + groups -
    cells (Cameron, Gelbach and Miller, "Robust inference with multiway clustering", Journal of
    Business and Economic Statistics 29, 2011), times k / (k - 1) for the mean that is estimated;
    with it the variance is right on average however often the fits hold a group out. Neither
    part can be negative: what groups add beyond cells is at least 0, and the whole at least what
    groups alone make.

    Degrees of freedom are Satterthwaite's ("An approximate distribution of estimates of variance
    components", Biometrics Bulletin 2, 1946): fits know theirs by k - 1, groups by how much their
    squares scatter, so that few faces with large errors count as few.
    """
    k, n = moves.shape
    fits = float(values.var(ddof=1)) / k
    once = moves.sum(axis=0) ** 2 / k**2
    shared = (once - (moves**2).sum(axis=0) / k**2) * k / (k - 1)
    beyond = max(0.0, float(shared.sum()))
    groups = float(once.sum()) * n / (n - 1)
    if groups > fits + beyond:
        value, doubt = groups, _of_sum(once) / 2
    else:
        value = fits + beyond
        doubt = fits**2 / (k - 1) + (_of_sum(shared) / 2 if beyond else 0.0)
    if value == 0:
        return Variance(0.0, k - 1)
    return Variance(value, value**2 / max(doubt, value**2 / (n + k - 2)))


def _of_sum(parts: _Array) -> float:
    """Variance of the sum of independent parts, from their scatter."""
    n = len(parts)
    return float(((parts - parts.mean()) ** 2).sum()) * n / (n - 1)
