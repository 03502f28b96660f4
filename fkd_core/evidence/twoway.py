"""The variance of a mean over fits that hold out overlapping sets of faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Variance:
    """Of means, px^2, with the degrees of freedom they are known by; an array each."""

    value: _Array
    freedom: _Array


def two_way(values: _Array, moves: _Array) -> Variance:
    """The variance of the mean of `values` [..., k], one a fit, of which `moves` [..., k, G] tells
    how far each image group moved each of them.

    Chance lies in the fits (their seeds, their deals) and in the faces, and each of the two
    variances holds the noise of one fit on one face. So it is taken off once: fits + groups -
    cells (Cameron, Gelbach and Miller, "Robust inference with multiway clustering", Journal of
    Business and Economic Statistics 29, 2011), times k / (k - 1) for the mean that is estimated;
    with it the variance is right on average however often the fits hold a group out. What groups
    add beyond cells cannot be negative.

    Degrees of freedom are Satterthwaite's ("An approximate distribution of estimates of variance
    components", Biometrics Bulletin 2, 1946): fits know theirs by k - 1, groups by how much their
    squares scatter, so that few faces with large errors count as few.

    A floor at what groups alone make (fits cannot take away from it) was tried: it gives more
    degrees of freedom just where the fits agree by luck, and 7% of families a false verdict where
    treatments act on deals (``benchmarks/calibrate_evidence.py``).
    """
    k, n = moves.shape[-2:]
    fits = values.var(axis=-1, ddof=1) / k
    once = moves.sum(axis=-2) ** 2 / k**2
    shared = (once - (moves**2).sum(axis=-2) / k**2) * k / (k - 1)
    beyond = np.maximum(0, shared.sum(axis=-1))
    value = fits + beyond
    doubt = fits**2 / (k - 1) + np.where(beyond > 0, _of_sum(shared) / 2, 0)
    freedom = np.divide(
        value**2,
        np.maximum(doubt, value**2 / (n + k - 2)),
        out=np.full(np.shape(value), k - 1.0),
        where=value > 0,
    )
    return Variance(value, freedom)


def _of_sum(parts: _Array) -> _Array:
    """[...] variance of the sum of independent parts [..., G], from their scatter."""
    n = parts.shape[-1]
    return np.asarray(parts.var(axis=-1) * n * n / (n - 1))
