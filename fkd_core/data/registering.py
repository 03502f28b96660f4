"""Pictures laid over one another by a turn, a zoom and a shift.

A `Frames` says for each of n pictures where a window lies in it: the window's point z (a complex
number, px from its centre, x + iy) shows the picture's point ``scale * z + shift``, px from the
picture's centre. Frames are bettered by Gauss-Newton steps on the correlation with what the
window should show, after Baker and Matthews, "Lucas-Kanade 20 years on" (2004): the picture wanted
is the one that is moved, so that its gradient is taken once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import IMAGE_SIZE

Patches = NDArray[np.float32]
_CENTRE = (IMAGE_SIZE - 1) / 2
_LARGEST_STEP = 0.1, 3.0
"""Of one Gauss-Newton step: of the scale, and px."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Where a window lies in each of n pictures."""

    scale: NDArray[np.complex128]
    """[n] zoom and turn; larger shows more of the picture."""
    shift: NDArray[np.complex128]
    """[n] px, x + iy."""

    def __len__(self) -> int:
        return len(self.scale)

    def __getitem__(self, index: Any) -> Frames:
        return Frames(self.scale[index], self.shift[index])

    def after(self, moved: Frames) -> Frames:
        """Frames whose point z shows what these show at the point that `moved` takes z to."""
        return Frames(self.scale * moved.scale, self.scale * moved.shift + self.shift)

    @property
    def inverse(self) -> Frames:
        """Frames that undo these."""
        return Frames(1 / self.scale, -self.shift / self.scale)


@dataclass(frozen=True)
class Window:
    """A square of `cells` x `cells` samples, `step` px apart, round its centre."""

    cells: int
    step: float

    @cached_property
    def points(self) -> NDArray[np.complex128]:
        """[cells, cells] of the samples, px from the centre, x + iy."""
        along = (np.arange(self.cells) - (self.cells - 1) / 2) * self.step
        return np.asarray(along[None, :] + 1j * along[:, None])

    def sample(
        self, images: NDArray[np.float32], which: NDArray[np.integer], frames: Frames
    ) -> Patches:
        """[n, cells, cells] what frames [n] show of the pictures images[which]."""
        turned = frames.scale * self.step
        corner = frames.scale * self.points[0, 0] + frames.shift
        maps = np.empty((len(frames), 2, 3))
        maps[:, 0, 0] = maps[:, 1, 1] = turned.real
        maps[:, 1, 0] = turned.imag
        maps[:, 0, 1] = -turned.imag
        maps[:, 0, 2] = corner.real + _CENTRE
        maps[:, 1, 2] = corner.imag + _CENTRE
        shown = np.empty((len(frames), self.cells, self.cells), np.float32)
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (self.cells, self.cells)
        for k, (picture, to) in enumerate(zip(which.tolist(), maps, strict=True)):
            cv2.warpAffine(
                images[picture], to, size, dst=shown[k], flags=how, borderMode=cv2.BORDER_REPLICATE
            )
        return shown

    def inside(self, frames: Frames, margin: float) -> NDArray[np.bool_]:
        """[n, cells, cells] samples that lie `margin` px or more inside the picture."""
        at = frames.scale[:, None, None] * self.points + frames.shift[:, None, None]
        return np.maximum(np.abs(at.real), np.abs(at.imag)) <= _CENTRE - margin

    def gradients(self, patches: Patches) -> NDArray[np.float32]:
        """[n, cells * cells, 4] change of patches with the real and imaginary part of a frame's
        scale, and with those of its shift."""
        down, right = np.gradient(patches, self.step, axis=(1, 2))
        x, y = self.points.real.astype(np.float32), self.points.imag.astype(np.float32)
        by = np.stack([right * x + down * y, down * x - right * y, right, down], -1)
        return np.asarray(by.reshape(len(patches), -1, 4), np.float32)


def detail(images: NDArray[np.uint8], fine: float, coarse: int) -> Patches:
    """[n, 96, 96] what of images is larger than `fine` px and smaller than `coarse` px, of one
    strength: neither light nor grain."""
    found = np.empty(images.shape, np.float32)
    box = (coarse, coarse)
    for image, out in zip(images, found, strict=True):
        wide = cv2.blur(cv2.blur(image.astype(np.float32), box), box)
        cv2.subtract(cv2.GaussianBlur(image.astype(np.float32), (0, 0), fine), wide, dst=out)
    strength = np.sqrt(np.einsum("nyx,nyx->n", found, found) / IMAGE_SIZE**2)
    return np.asarray(found / (strength[:, None, None] + 1e-3), np.float32)


def unit(patches: Patches) -> NDArray[np.float32]:
    """[n, d] patches less their means, of length 1."""
    flat = patches.reshape(len(patches), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("nd,nd->n", flat, flat))[:, None]
    return np.asarray(flat / np.maximum(length, 1e-6), np.float32)


def register(
    images: NDArray[np.float32],
    which: NDArray[np.integer],
    frames: Frames,
    wanted: Patches,
    window: Window,
    steps: int,
) -> Frames:
    """Frames [n] moved so that they show of images[which] what is wanted, [n or 1, cells, cells],
    whatever its brightness and contrast."""
    target = unit(wanted)
    by = window.gradients(target.reshape(wanted.shape))
    by -= by.mean(axis=1, keepdims=True)
    by -= target[:, :, None] * np.einsum("nd,ndk->nk", target, by)[:, None, :]
    normal = np.einsum("ndk,ndl->nkl", by, by)
    little = 1e-6 * np.trace(normal, axis1=1, axis2=2) + 1e-12  # where nothing is to be seen
    normal += np.eye(4) * little[:, None, None]
    solve = np.linalg.inv(normal).astype(np.float32)
    for _ in range(steps):
        seen = unit(window.sample(images, which, frames))
        if len(target) == 1:
            like, pull = seen @ target[0], seen @ by[0]
        else:
            like = np.einsum("nd,nd->n", seen, target)
            pull = np.einsum("nd,ndk->nk", seen, by)
        step = np.einsum("nkl,nl->nk", solve, pull) / np.maximum(like, 0.3)[:, None]
        step[:, :2] = step[:, :2].clip(-_LARGEST_STEP[0], _LARGEST_STEP[0])
        step[:, 2:] = step[:, 2:].clip(-_LARGEST_STEP[1], _LARGEST_STEP[1])
        step = step.astype(np.float64)
        moved = Frames(1 + step[:, 0] + 1j * step[:, 1], step[:, 2] + 1j * step[:, 3])
        frames = frames.after(moved.inverse)
    return frames
