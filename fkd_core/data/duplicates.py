"""Pairs of images that show one photograph: in another crop, turn, size or light, or mirrored.

Every image is first laid over the mean of all by a turn, a zoom and a shift, so that two crops of
one photograph come to look alike: the `STARTS` best places of a coarse grid, each bettered by
Gauss-Newton steps. What the images then show is compared, each with each and with its mirror
picture, by one matrix product a block. Pairs that are alike at all are registered
onto each other, and the correlation of their fine detail where they overlap is their likeness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.data.registering import Frames, Patches, Window, register, unit
from fkd_core.keypoints import IMAGE_SIZE

STARTS = 3
"""Places on the mean image that an image is tried at."""
CANDIDATE = 0.75
"""Least correlation of two images laid over the mean for a closer look."""
NEIGHBOURS = 24
"""Closer looks an image is worth, at most, either way round."""

_BLOCK = 256
_AT_ONCE = 512
_NUMBERS = 96
_COARSE = IMAGE_SIZE // 4
_CENTRE = (IMAGE_SIZE - 1) / 2
_LOOK = Window(24, 2.5)
_SHOWN = Window(16, 3.0)
_DETAIL = Window(28, 2.0)
_CLOSE = Window(56, 1.0)
_MEAN_OF = 1000
_DOWN = 7.5j


@dataclass(frozen=True, eq=False)
class Pairs:
    """n pairs of images."""

    left: NDArray[np.intp]
    """[n] position of one of them."""
    right: NDArray[np.intp]
    """[n] position of the other, larger."""
    likeness: NDArray[np.float32]
    """[n] correlation of their detail, up to 1."""


def pairs(images: NDArray[np.uint8], least: float) -> Pairs:
    """Pairs of likeness `least` or more among different images [N, 96, 96]."""
    if len(images) < 2:
        nobody = np.empty(0, np.intp)
        return Pairs(nobody, nobody, np.empty(0, np.float32))
    frames, shown = _laid(images)
    left, right, likeness = [], [], []
    for i, j, a, b, mirrored in _candidates(shown):
        like = _likeness(images, i, j, frames[i, a], frames[j, b], mirrored)
        left.append(i[like >= least])
        right.append(j[like >= least])
        likeness.append(like[like >= least])
    return Pairs(np.concatenate(left), np.concatenate(right), np.concatenate(likeness))


def detail(images: NDArray[np.uint8], fine: float = 1.5, coarse: int = 13) -> Patches:
    """[n, 96, 96] what is larger than `fine` px and smaller than `coarse` px, of one strength."""
    found = np.empty(images.shape, np.float32)
    box = (coarse, coarse)
    for image, out in zip(images, found, strict=True):
        wide = cv2.blur(cv2.blur(image.astype(np.float32), box), box)
        cv2.subtract(cv2.GaussianBlur(image.astype(np.float32), (0, 0), fine), wide, dst=out)
    strength = np.sqrt(np.einsum("nyx,nyx->n", found, found) / IMAGE_SIZE**2)
    return np.asarray(found / (strength[:, None, None] + 1e-3), np.float32)


def _laid(images: NDArray[np.uint8]) -> tuple[Frames, NDArray[np.float32]]:
    """[N, STARTS] frames of images laid over the mean, and [N, STARTS, 2, d] what they show there,
    as it is and mirrored, in few numbers and of length 1."""
    some = np.unique(np.linspace(0, len(images) - 1, _MEAN_OF).astype(int))
    grid = _Grid.made()
    mean = _mean(detail(images[some]), grid)
    scale, shift, shown = [], [], []
    for start in range(0, len(images), _AT_ONCE):
        pictures = detail(images[start : start + _AT_ONCE])
        which = np.repeat(np.arange(len(pictures)), STARTS)
        laid = register(pictures, which, grid.starts(pictures, mean, STARTS), mean, _LOOK, 5)
        scale.append(laid.scale)
        shift.append(laid.shift)
        shown.append(_SHOWN.sample(pictures, which, laid))
    frames = Frames(
        np.concatenate(scale).reshape(-1, STARTS), np.concatenate(shift).reshape(-1, STARTS)
    )
    return frames, _compared(np.concatenate(shown)).reshape(len(images), STARTS, 2, -1)


def _compared(shown: Patches) -> NDArray[np.float32]:
    """[n, 2, d] patches [n, cells, cells] and their mirror pictures, ready for comparison."""
    both = np.stack([unit(shown), unit(shown[:, :, ::-1])], axis=1).reshape(2 * len(shown), -1)
    # What all have in common tells nothing; few images are their own mean, and keep it.
    both -= both.mean(axis=0) * np.float32(len(shown) / (len(shown) + 300))
    few = both[:: max(1, len(both) // 4096)]
    axes = np.linalg.eigh(few.T @ few)[1][:, -_NUMBERS:]
    numbers = both @ axes
    length = np.linalg.norm(numbers, axis=1, keepdims=True)
    found = numbers / np.maximum(length, 1e-3)
    return np.asarray(found.reshape(len(shown), 2, -1), np.float32)


def _mean(pictures: Patches, grid: _Grid) -> Patches:
    """[1, cells, cells] the mean of pictures that are laid over it, by three rounds."""
    which = np.arange(len(pictures))
    frames = Frames(np.ones(len(pictures), complex), np.full(len(pictures), _DOWN))
    mean = _both_ways(_LOOK.sample(pictures, which, frames))
    frames = grid.starts(pictures, mean, 1)
    for _ in range(3):
        mean = _both_ways(_LOOK.sample(pictures, which, frames))
        frames = register(pictures, which, frames, mean, _LOOK, steps=6)
    return mean


def _both_ways(shown: Patches) -> Patches:
    """[1, cells, cells] their mean, symmetric, so that a mirror picture lies as its original."""
    mean = unit(shown).mean(axis=0).reshape(1, *shown.shape[1:])
    return np.asarray((mean + mean[:, :, ::-1]) / 2, np.float32)


@dataclass(frozen=True, eq=False)
class _Grid:
    """Places on the mean image that are tried first, as seen in pictures of 24 x 24."""

    frames: Frames
    """[places]"""
    column: NDArray[np.float32]
    """[places, 576] where each cell lies in the window, in its samples, from the left."""
    line: NDArray[np.float32]
    """[places, 576] the same from the top."""
    covered: NDArray[np.float32]
    """[places, 576] 1 in the window, else 0."""
    near: NDArray[np.bool_]
    """[places, places] those that lead to one and the same."""

    @classmethod
    def made(cls) -> _Grid:
        across = np.arange(-16, 17, 4)
        axes = np.deg2rad(np.arange(-20, 21, 5)), 1.09 ** np.arange(-2, 3), across, across
        turn, zoom, x, y = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
        near = np.ones((1, 1), np.bool_)
        for places in map(np.arange, map(len, axes)):
            near = np.kron(near, np.abs(places[:, None] - places) <= 1)
        frames = Frames(zoom * np.exp(1j * turn), x + 1j * y + _DOWN)
        cells = Window(_COARSE, 4.0).points.ravel()
        shift, scale = (
            part.astype(np.complex64)[:, None] for part in (frames.shift, frames.scale)
        )
        at = (cells.astype(np.complex64) - shift) / (scale * np.float32(_LOOK.step))
        half = (_LOOK.cells - 1) / 2
        covered = np.maximum(np.abs(at.real), np.abs(at.imag)) <= half
        return cls(frames, at.real + half, at.imag + half, covered.astype(np.float32), near)

    def starts(self, pictures: Patches, mean: Patches, count: int) -> Frames:
        """[n * count] the places where pictures [n, 96, 96] are most like the mean image, no two
        of a picture's near each other."""
        how = cv2.INTER_LINEAR
        drawn = cv2.remap(mean[0], self.column, self.line, how, borderMode=cv2.BORDER_REPLICATE)
        level = (drawn * self.covered).sum(axis=1) / np.maximum(self.covered.sum(axis=1), 1)
        drawn = (drawn - level[:, None]) * self.covered
        drawn /= np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-6)
        best = []
        for start in range(0, len(pictures), _BLOCK):
            block = pictures[start : start + _BLOCK]
            small = block.reshape(-1, _COARSE, 4, _COARSE, 4).mean(axis=(2, 4))
            small = small.reshape(len(small), -1)
            like = small @ drawn.T
            like /= np.sqrt(small**2 @ self.covered.T + 1e-3)
            chosen = np.empty((len(small), count), np.intp)
            for k in range(count):
                chosen[:, k] = like.argmax(axis=1)
                like[self.near[chosen[:, k]]] = -np.inf
            best.append(chosen.ravel())
        return self.frames[np.concatenate(best)]


Candidates = tuple[
    NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]
]


def _candidates(shown: NDArray[np.float32]) -> Iterator[Candidates]:
    """Pairs (i, j) worth a closer look, which of its frames each is in, and whether i is
    mirrored."""
    n, starts, _, d = shown.shape
    plain = np.ascontiguousarray(shown[:, :, 0])
    for start in range(0, n, _BLOCK):
        others = plain[start:].reshape(-1, d).T
        found = []
        for mirrored in (0, 1):
            for a in range(starts):
                like = shown[start : start + _BLOCK, a, mirrored] @ others
                i, at = np.nonzero(like >= CANDIDATE)
                j = at // starts
                later = j > i
                i, at, j = i[later], at[later], j[later]
                found.append(
                    (i, j, np.full(len(i), a), at % starts, np.full(len(i), mirrored), like[i, at])
                )
        i, j, a, b, mirrored, like = (
            np.concatenate(column) for column in zip(*found, strict=True)
        )
        order = np.lexsort((-like, j, i))
        first = np.ones(len(order), np.bool_)
        first[1:] = (np.diff(i[order]) != 0) | (np.diff(j[order]) != 0)
        order = order[first]
        order = order[np.lexsort((-like[order], i[order]))]
        rank = np.arange(len(order)) - np.searchsorted(i[order], i[order])
        order = order[rank < NEIGHBOURS]
        yield i[order] + start, j[order] + start, a[order], b[order], mirrored[order] == 1


def _likeness(
    images: NDArray[np.uint8],
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    from_left: Frames,
    from_right: Frames,
    mirrored: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """[n] correlation of detail where two pictures overlap, the right registered to the left."""
    found = np.empty(len(left), np.float32)
    for start in range(0, len(left), 64):
        block = slice(start, start + 64)
        named, place = np.unique(np.stack([left[block], right[block]]), return_inverse=True)
        place = place.reshape(2, -1)
        pictures = detail(images[named])
        ours, theirs = from_left[block], from_right[block]
        turned = mirrored[block]
        wanted = _over(_DETAIL.sample(pictures, place[0], ours), turned)
        theirs = register(pictures, place[1], theirs, wanted, _DETAIL, steps=3)
        pictures = detail(images[named], 1.0, 9)
        wanted = _over(_CLOSE.sample(pictures, place[0], ours), turned)
        seen = _CLOSE.sample(pictures, place[1], theirs)
        inside = _over(_CLOSE.inside(ours, 3).reshape(wanted.shape), turned)
        inside = inside.reshape(len(seen), -1) & _CLOSE.inside(theirs, 3)
        found[block] = _correlation(wanted, seen, inside)
    return found


def _over(shown: NDArray[T], turned: NDArray[np.bool_]) -> NDArray[T]:
    """[n, y, x], those that are turned mirrored."""
    shown[turned] = shown[turned][:, :, ::-1]
    return shown


def _correlation(one: Patches, other: Patches, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """[n] over the samples that are inside [n, d]."""
    count = np.maximum(inside.sum(axis=1, keepdims=True), 1)
    parts = []
    for patches in (one, other):
        flat = np.where(inside, patches.reshape(inside.shape), 0)
        flat = np.where(inside, flat - flat.sum(axis=1, keepdims=True) / count, 0)
        parts.append(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))
    return np.einsum("nd,nd->n", *parts).astype(np.float32)
