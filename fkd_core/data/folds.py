"""Folds: who trains, who decides when to stop, and who is held out. Always whole image groups.

A fixed hash of its pixels puts every group into one of three sets: *search* (40%), *confirm*
(40%) and *final* (20%). A face is scored only in its own set, though it may train elsewhere: the
family of a split names the set that is dealt into folds, and all other faces may train.

NumPy only: this is on the path of every fit.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.sources import Pipeline

Family = Literal["search", "confirm", "final", "all"]

_SETS: tuple[tuple[Family, float], ...] = (("search", 0.4), ("confirm", 0.8), ("final", 1.0))


@dataclass(frozen=True)
class Split:
    """One deal of the faces. Equal splits of equal faces are equal, bit for bit."""

    family: Family = "search"
    """The set that is scored; ``all`` deals every face."""
    folds: int = 2
    """K: the family's set is dealt into K folds, each held out once."""
    fold: int = 0
    """Which of them is held out, 0 .. K-1."""
    seed: int = 0
    """Seed of the deal into folds; pairs of fits that are compared share it."""
    limit: int | None = None
    """At most about this many faces may train (before the fold is taken out), chosen by a fixed
    hash, so that every fold and family thins out to the same faces; None for all."""
    stop_share: float = 0.0
    """Share of the training groups set aside to decide when to stop, 0 .. 0.5."""

    def __post_init__(self) -> None:
        if not 0 <= self.fold < self.folds:
            raise ValueError(f"fold {self.fold} of {self.folds} folds; it must be 0..K-1")
        if self.folds < 2:
            raise ValueError(f"{self.folds} folds; at least 2 are needed")
        if self.family not in ("search", "confirm", "final", "all"):
            raise ValueError(f"family is {self.family!r}, not search, confirm, final or all")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit is {self.limit}; at least 1 face is needed")
        if not 0.0 <= self.stop_share <= 0.5:
            raise ValueError(f"stop_share is {self.stop_share}, not 0..0.5")


@dataclass(frozen=True, eq=False)
class Parts:
    """Positions in Faces; the three are disjoint and share no group."""

    train: NDArray[np.intp]
    """Faces that give gradients."""
    stop: NDArray[np.intp]
    """Faces that decide when to stop; empty where nothing is to be decided."""
    held_out: NDArray[np.intp]
    """Faces that are scored, once, at the end."""
    pool: NDArray[np.intp]
    """Faces that may train in some fold: the same for every fold, seed and family, so that one
    rendering of them serves all."""


def set_of(group: NDArray[np.uint64]) -> NDArray[np.str_]:
    """[N] names of the sets (search, confirm, final) that the groups [N] belong to for ever."""
    share = _uniform(group, b"set")
    bounds = [bound for _, bound in _SETS]
    names = np.array([name for name, _ in _SETS])
    return names[np.searchsorted(bounds, share, side="right")]


def split(faces: Faces, pipeline: Pipeline, how: Split) -> Parts:
    """Deals the pipeline's faces.

    Folds are stratified by label pattern (which keypoints a face has), grouped and seeded.
    Raises ValueError where a part that is needed would be empty.
    """
    own = np.flatnonzero(faces.labelled(pipeline))
    group = faces.group[own]
    scored = np.ones(len(own), bool) if how.family == "all" else set_of(group) == how.family
    pattern = _pattern(faces, own)
    fold = np.full(len(own), -1)
    fold[scored] = _ranks(group[scored], pattern[scored], (how.seed, how.folds)) % how.folds
    held_out = fold == how.fold
    in_pool = _thinned(group, how.limit)
    train = in_pool & ~held_out
    stop = np.zeros(len(own), bool)
    if how.stop_share:
        # Card r goes aside where the share of the first r + 1 cards enters a new whole number.
        rank = _ranks(group[train], pattern[train], (how.seed, 0))
        stop[train] = np.ceil((rank + 1) * how.stop_share) > np.ceil(rank * how.stop_share)
    for name, part in (("held-out", held_out), ("training", train & ~stop)):
        if not part.any():
            raise ValueError(
                f"no {name} faces in fold {how.fold} of {how.folds} of set {how.family}: "
                f"{len(own)} {pipeline.name} faces are too few"
            )
    return Parts(own[train & ~stop], own[stop], own[held_out], own[in_pool])


def _uniform(group: NDArray[np.uint64], salt: bytes) -> NDArray[np.float64]:
    """A fixed pseudo-random number in [0, 1) for every group (splitmix64 of group and salt)."""
    with np.errstate(over="ignore"):
        z = group + np.uint64(0x9E3779B97F4A7C15) * np.uint64(zlib.crc32(salt) | 1)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / 2.0**53


def _thinned(group: NDArray[np.uint64], limit: int | None) -> NDArray[np.bool_]:
    """True for the faces of the first groups, in order of a fixed hash, that reach `limit`."""
    if limit is None or limit >= len(group):
        return np.ones(len(group), bool)
    share = _uniform(group, b"pool")
    return np.asarray(share <= np.sort(share)[limit - 1])


def _pattern(faces: Faces, index: NDArray[np.intp]) -> NDArray[np.int64]:
    """[n] one number for every set of labelled keypoints."""
    labelled = np.isfinite(faces.points[index]).all(axis=2)
    return labelled @ (1 << np.arange(labelled.shape[1]))


def _ranks(
    group: NDArray[np.uint64], pattern: NDArray[np.int64], seed: tuple[int, int]
) -> NDArray[np.intp]:
    """[n] place of every face's group in the deck: shuffled, then sorted by pattern.

    Dealt from such a deck like cards, every part gets its share of every pattern.

    The order does not depend on the order of the faces, only on groups, patterns and the seed.
    """
    groups, inverse = np.unique(group, return_inverse=True)
    richest = np.zeros(len(groups), np.int64)  # the pattern of a group: its largest
    np.maximum.at(richest, inverse, pattern)
    shuffled = np.random.default_rng(seed).permutation(len(groups))
    order = shuffled[np.argsort(richest[shuffled], kind="stable")]
    rank = np.empty(len(groups), np.intp)
    rank[order] = np.arange(len(groups))
    return rank[inverse]
