"""What Level 2 sees: the members' predictions side by side, and the columns made from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.integer] | NDArray[np.bool_] | slice

ROUNDING = 1e-9
"""A column whose spread is under this share of its mean (or this many px) is constant: what is
left of it is rounding, which must not be blown up to unit variance."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Predictions of the Level-1 members for n faces; kept as float64.

    Raises ValueError where shapes disagree or a prediction is not finite.
    """

    own: Array
    """[n, M, P] of the pipeline's own M members: x, y of each keypoint, px."""
    other: Array
    """[n, E] of the other pipeline's members side by side, px; E = 0 without them."""

    def __post_init__(self) -> None:
        for name in ("own", "other"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))
        if self.own.ndim != 3 or 0 in self.own.shape[1:]:
            raise ValueError(f"own must be [faces, members, coordinates], not {self.own.shape}")
        if self.other.ndim != 2 or len(self.other) != len(self.own):
            raise ValueError(f"other must be [{len(self.own)}, columns], not {self.other.shape}")
        if not (np.isfinite(self.own).all() and np.isfinite(self.other).all()):
            raise ValueError("every prediction of every member must be finite")

    def __len__(self) -> int:
        return len(self.own)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Members M, coordinates P, columns E of the other pipeline."""
        return self.own.shape[1], self.own.shape[2], self.other.shape[1]

    @property
    def mean(self) -> Array:
        """[n, P] plain mean over the pipeline's own members, px."""
        mean: Array = self.own.mean(axis=1)
        return mean

    def take(self, index: Index) -> Inputs:
        """The faces that `index` (integers, a mask or a slice) selects."""
        return Inputs(self.own[index], self.other[index])

    def without(self, member: int) -> Inputs:
        """All but one of the pipeline's own members. Raises ValueError where it is the last."""
        return Inputs(np.delete(self.own, member, axis=1), self.other)


def members(inputs: Inputs) -> Array:
    """[n, M*P + E]: the members' predictions side by side, then the other pipeline's."""
    return np.hstack([inputs.own.reshape(len(inputs), -1), inputs.other])


def differences(inputs: Inputs) -> Array:
    """[n, M*P + E]: each member's predictions less the members' mean, then the other pipeline's
    as they are."""
    apart = inputs.own - inputs.mean[:, None]
    return np.hstack([apart.reshape(len(inputs), -1), inputs.other])


def products(inputs: Inputs) -> Array:
    """[n, M*(P + P*(P-1)/2) + E]: of each member its predictions, then the products of all pairs
    i < j of them (px^2), member after member; then the other pipeline's as they are."""
    n, (m, p, e) = len(inputs), inputs.shape
    first, second = np.triu_indices(p, 1)
    width = p + len(first)
    table = np.empty((n, m * width + e))
    for k in range(m):
        block = table[:, k * width : (k + 1) * width]
        block[:, :p] = inputs.own[:, k]
        np.multiply(inputs.own[:, k, first], inputs.own[:, k, second], out=block[:, p:])
    table[:, m * width :] = inputs.other
    return table


FEATURES: dict[str, Callable[[Inputs], Array]] = {
    "members": members,
    "differences": differences,
    "products": products,
}
"""Tables of columns by the name that a fitted stacker keeps."""


@dataclass(frozen=True, eq=False)
class Standardiser:
    """Columns worth keeping, and what makes each have mean 0 and variance 1 on training rows."""

    columns: NDArray[np.int64]
    """[k] indices of the kept columns, rising."""
    mean: Array
    """[k] on the training rows."""
    scale: Array
    """[k] standard deviation on the training rows; 1 where columns are only centred."""
    constant: int
    """Columns dropped because they do not vary."""
    duplicate: int
    """Columns dropped because an earlier one is exactly equal."""

    @classmethod
    def fit(cls, x: Array, *, scaled: bool = True) -> Standardiser:
        """From training rows x [n, F]. Raises ValueError without rows."""
        if not len(x):
            raise ValueError("a standardiser needs at least one training row")
        mean, scale = x.mean(axis=0), x.std(axis=0)
        varies = scale > ROUNDING * np.maximum(1.0, np.abs(mean))
        first: dict[bytes, int] = {}
        for column in np.flatnonzero(varies):
            first.setdefault((x[:, column] + 0.0).tobytes(), int(column))  # + 0.0: -0 is 0
        kept = np.fromiter(first.values(), np.int64, len(first))
        return cls(
            columns=kept,
            mean=mean[kept],
            scale=scale[kept] if scaled else np.ones(len(kept)),
            constant=int((~varies).sum()),
            duplicate=int(varies.sum()) - len(kept),
        )

    def apply(self, x: Array) -> Array:
        """[n, k] of x [n, F]: the kept columns, standardised."""
        kept = x[:, self.columns]
        kept -= self.mean
        kept /= self.scale
        return kept

    @property
    def note(self) -> str:
        """How many columns are kept, and how many were dropped and why."""
        width = len(self.columns) + self.constant + self.duplicate
        return (
            f"{len(self.columns)} of {width} columns kept"
            f" (dropped: {self.constant} constant, {self.duplicate} duplicate)"
        )
