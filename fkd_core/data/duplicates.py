"""Pairs of images that show one photograph: in another crop, turn, size or light, or mirrored.

Every image is laid over the mean of all (`mean_image`), and what it shows there is compared with
what each other one shows and with their mirror pictures, by one matrix product a block. Pairs that
are alike at all are registered onto each other; the correlation of their finer detail, where they
overlap, is their likeness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.mean_image import BAND, lay
from fkd_core.data.registering import Frames, Patches, Window, detail, register

CANDIDATE = 0.75
"""Least correlation of two images laid over the mean for a closer look."""
ALIKE = 0.9
"""Least correlation of their coarse detail, once they are registered, for one at the fine."""
NEIGHBOURS = 24
"""Closer looks that an image gets at later ones, at most: the most alike."""

_BLOCK = 256
_AT_ONCE = 64
_MOVED = Window(28, 2.0)
"""What is registered of a pair."""
_CLOSE = Window(56, 1.0)
"""What is correlated of it."""
_CLOSE_BAND = 1.0, 9
"""Of the detail that is correlated, px."""
_EDGE = 3.0
"""Px at a picture's edge that are left out, as nothing is known of what lies beyond."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """n pairs of images."""

    left: NDArray[np.intp]
    """[n] position of one of them."""
    right: NDArray[np.intp]
    """[n] position of the other, larger."""
    likeness: NDArray[np.float32]
    """[n] correlation of their detail, up to 1."""


@dataclass(frozen=True, eq=False)
class _Candidates:
    """n pairs that are worth a closer look."""

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    place: tuple[NDArray[np.intp], NDArray[np.intp]]
    """[n] at which place on the mean each of the two is like the other."""
    mirrored: NDArray[np.bool_]
    """[n] whether it is the left one's mirror picture that is like the right one."""


def pairs(images: NDArray[np.uint8], least: float) -> Pairs:
    """Pairs of likeness `least` or more among different images [N, 96, 96]."""
    if len(images) < 2:
        nobody = np.empty(0, np.intp)
        return Pairs(nobody, nobody, np.empty(0, np.float32))
    frames, shown = lay(images)
    found = []
    for these in _candidates(shown):
        like = _likeness(images, these, frames)
        kept = like >= least
        found.append((these.left[kept], these.right[kept], like[kept]))
    left, right, likeness = (np.concatenate(column) for column in zip(*found, strict=True))
    return Pairs(left, right, likeness)


def _candidates(shown: NDArray[np.float32]) -> Iterator[_Candidates]:
    """Those among images that show [N, places, 2, d]."""
    count, places, _, d = shown.shape
    plain = np.ascontiguousarray(shown[:, :, 0]).reshape(count * places, d)
    for start in range(0, count, _BLOCK):
        columns = []
        for mirrored in (0, 1):
            for place in range(places):
                like = shown[start : start + _BLOCK, place, mirrored] @ plain[start * places :].T
                i, at = np.nonzero(like >= CANDIDATE)
                later = at // places > i
                i, at = i[later], at[later]
                own, turned = np.full(len(i), place), np.full(len(i), mirrored)
                columns.append((like[i, at], i, at // places, own, at % places, turned))
        like, i, j, a, b, turned = (np.concatenate(each) for each in zip(*columns, strict=True))
        best = np.lexsort((-like, j, i))
        best = best[np.unique(i[best] * count + j[best], return_index=True)[1]]  # of each pair
        best = best[np.lexsort((-like[best], i[best]))]
        rank = np.arange(len(best)) - np.searchsorted(i[best], i[best])
        best = best[rank < NEIGHBOURS]
        places_of = (a[best], b[best])
        yield _Candidates(i[best] + start, j[best] + start, places_of, turned[best] == 1)


def _likeness(
    images: NDArray[np.uint8], these: _Candidates, frames: Frames
) -> NDArray[np.float32]:
    """[n] of pairs, whose images were laid by frames [N, places]; 0 where they are soon seen to
    differ."""
    found = np.zeros(len(these.left), np.float32)
    for start in range(0, len(found), _AT_ONCE):
        block = slice(start, start + _AT_ONCE)
        both = np.stack([these.left[block], these.right[block]])
        ours = frames[both[0], these.place[0][block]]
        theirs = frames[both[1], these.place[1][block]]
        turned = these.mirrored[block, None, None]
        pictures, at = _pictures(images, both, BAND)
        wanted = _turned(_MOVED.sample(pictures, at[0], ours), turned)
        theirs = register(pictures, at[1], theirs, wanted, _MOVED, steps=3)
        seen = _MOVED.sample(pictures, at[1], theirs)
        inside = _turned(_MOVED.inside(ours, _EDGE), turned) & _MOVED.inside(theirs, _EDGE)
        left = np.flatnonzero(_correlation(wanted, seen, inside) >= ALIKE)
        if not len(left):
            continue
        ours, theirs, turned = ours[left], theirs[left], turned[left]
        pictures, at = _pictures(images, both[:, left], _CLOSE_BAND)
        wanted = _turned(_CLOSE.sample(pictures, at[0], ours), turned)
        seen = _CLOSE.sample(pictures, at[1], theirs)
        inside = _turned(_CLOSE.inside(ours, _EDGE), turned) & _CLOSE.inside(theirs, _EDGE)
        found[start + left] = _correlation(wanted, seen, inside)
    return found


def _pictures(
    images: NDArray[np.uint8], both: NDArray[np.intp], band: tuple[float, int]
) -> tuple[Patches, NDArray[np.intp]]:
    """Detail of the images in pairs [2, n], each once, and where each is then, [2, n]."""
    named, at = np.unique(both, return_inverse=True)
    return detail(images[named], *band), at.reshape(both.shape)


def _turned(shown: NDArray[Any], turned: NDArray[np.bool_]) -> NDArray[Any]:
    """[n, y, x], those that are turned [n, 1, 1] mirrored."""
    return np.where(turned, shown[:, :, ::-1], shown)


def _correlation(one: Patches, other: Patches, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """[n] of patches [n, y, x], over the samples that are inside."""
    count = np.maximum(inside.sum(axis=(1, 2), keepdims=True), 1)
    parts = []
    for patches in (one, other):
        mean = np.where(inside, patches, 0).sum(axis=(1, 2), keepdims=True) / count
        part = np.where(inside, patches - mean, 0).reshape(len(patches), -1)
        parts.append(part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-6))
    return np.asarray(np.einsum("nd,nd->n", *parts), np.float32)
