"""Images laid over the mean of all by a turn, a zoom and a shift.

Two crops of one photograph come to look alike then, as every image is moved to where it fits the
mean best: to the best places of a coarse grid, each bettered by Gauss-Newton steps. An image may
fit at several places, so that each is laid `STARTS` times.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.data.registering import Frames, Patches, Window, detail, register, unit
from fkd_core.keypoints import IMAGE_SIZE

STARTS = 3
"""Places on the mean image that an image is laid at."""
BAND = 1.5, 13
"""Of the detail by which images are laid, px."""

_AT_ONCE = 512
_COARSE = IMAGE_SIZE // 4
_LOOK = Window(24, 2.5)
"""The part of the mean image that others are laid over."""
_SHOWN = Window(16, 3.0)
"""What is compared of images that were laid over it."""
_NUMBERS = 96
"""Principal components that stand for it."""
_MEAN_OF = 1000
"""Images that the mean is made of, at most."""
_DOWN = 7.5j
"""Where faces lie in pictures on the whole, px below their centre."""


def lay(images: NDArray[np.uint8]) -> tuple[Frames, NDArray[np.float32]]:
    """[N, STARTS] frames of images laid over the mean, and [N, STARTS, 2, d] what they show there,
    as it is and mirrored, in few numbers and of length 1."""
    some = np.unique(np.linspace(0, len(images) - 1, _MEAN_OF).astype(int))
    grid = _Grid.made()
    mean = _mean(detail(images[some], *BAND), grid)
    scale, shift, shown = [], [], []
    for start in range(0, len(images), _AT_ONCE):
        pictures = detail(images[start : start + _AT_ONCE], *BAND)
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
        column, line = ((part + half).astype(np.float32) for part in (at.real, at.imag))
        return cls(frames, column, line, covered.astype(np.float32), near)

    def starts(self, pictures: Patches, mean: Patches, count: int) -> Frames:
        """[n * count] the places where pictures [n, 96, 96] are most like the mean image, no two
        of a picture's near each other."""
        how = cv2.INTER_LINEAR
        drawn = cv2.remap(mean[0], self.column, self.line, how, borderMode=cv2.BORDER_REPLICATE)
        level = (drawn * self.covered).sum(axis=1) / np.maximum(self.covered.sum(axis=1), 1)
        drawn = (drawn - level[:, None]) * self.covered
        drawn /= np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-6)
        best = []
        for start in range(0, len(pictures), _AT_ONCE):
            block = pictures[start : start + _AT_ONCE]
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
