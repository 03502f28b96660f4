"""compact: the members, and how many fits of each, that are best within a size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fkd_core.ensemble.stacking.features import Array, Inputs
from fkd_core.ensemble.stacking.stacker import STACKERS
from fkd_core.ensemble.trained import Half
from fkd_core.errors import UserError

MEGABYTE = 1_000_000
MOST_MEMBERS = 20


@dataclass(frozen=True)
class Compact:
    """What is kept of one half of an ensemble."""

    fits: Mapping[str, int]
    """Member to how many of its fits, 1 or more, are kept; members left out are not in it."""
    size: int
    """Bytes of their weights."""

    def of(self, half: Half) -> Half:
        """The compact half: the first fits of these members, and their plain mean."""
        kept = tuple(
            replace(member, fits=member.fits[: self.fits[member.name]])
            for member in half.members
            if member.name in self.fits
        )
        nothing = Inputs(np.zeros((1, len(kept), half.outputs)), np.empty((1, 0)))
        mean = STACKERS["mean"].fit(nothing, nothing.mean, np.zeros(1, np.uint64))
        return Half(half.pipeline, kept, mean, (half.pipeline,))


def compact(
    sizes: Mapping[str, int],
    own: Array,
    truth: Array,
    budget_bytes: int,
    folds: int,
) -> Compact:
    """The members whose plain mean has the least RMSE among all that fit with one fit each; what
    is left of the budget buys them further fits, in turn and smallest first.

    `sizes` maps the M members to bytes a fit; `own` is [M, n, P] px out of fold in the same
    order; truth [n, P] px is NaN where unlabelled; `folds` is how many fits a member has.

    Raises UserError where no single fit fits the budget; ValueError for wrong shapes, an
    unlabelled table, or more than MOST_MEMBERS members, as every subset is tried.
    """
    if own.shape != (len(sizes), *truth.shape) or not 0 < len(sizes) <= MOST_MEMBERS:
        raise ValueError(f"own is {own.shape} for {len(sizes)} members and truth {truth.shape}")
    if not np.isfinite(truth).any():
        raise ValueError(f"nothing is labelled in truth {truth.shape}")
    size = np.array(list(sizes.values()))
    smallest = min(sizes, key=lambda name: sizes[name])
    if sizes[smallest] > budget_bytes:
        raise UserError(
            f"not even one fit of the smallest member, {smallest}, is within "
            f"{budget_bytes / MEGABYTE:g} MB: it takes {sizes[smallest] / MEGABYTE:.3g} MB"
        )
    error = (own - truth)[:, np.isfinite(truth)]
    covariance = error @ error.T / error.shape[1]
    number = np.arange(1, 2 ** len(sizes))
    subsets = (number[:, None] >> np.arange(len(sizes)) & 1).astype(float)
    subsets = subsets[subsets @ size <= budget_bytes]
    squared = ((subsets @ covariance) * subsets).sum(axis=1) / subsets.sum(axis=1) ** 2
    chosen = np.flatnonzero(subsets[np.argmin(squared)])
    fits = np.zeros(len(sizes), int)
    fits[chosen] = 1
    for _ in range(1, folds):
        for member in chosen[np.argsort(size[chosen])]:
            fits[member] += fits @ size + size[member] <= budget_bytes
    return Compact(
        fits={name: int(n) for name, n in zip(sizes, fits, strict=True) if n},
        size=int(fits @ size),
    )
