"""Moving pixels and keypoints: any number of geometric steps become one field, sampled once.

`Warps` first apply a 3 x 3 homography to each picture (frame, mirror, rotation, shift, scale,
shear, aspect, perspective, in any number), then bend the result with a smooth field (elastic).
Sampling once keeps pictures as sharp as one interpolation allows; keypoints go exactly where their
pixels go, because they follow the inverse of the very field the pixels were read through.

Pixels beyond the border repeat the nearest edge pixel. Zeros would draw black edges that tell the
network the angle, and reflection would draw a second chin or eyebrow without a label.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import IMAGE_SIZE, MIRROR

CENTRE = (IMAGE_SIZE - 1) / 2
LAST = IMAGE_SIZE - 1

Numbers = NDArray[np.float64]
Matrices = NDArray[np.float64]
"""[n, 3, 3], one homography a picture."""


@dataclass(frozen=True, eq=False)
class Warps:
    """Where everything goes in n pictures: from a point p of the original to q of the copy."""

    matrix: Matrices
    """[n, 3, 3] homographies from original to copy, before bending; pixels."""
    bend: NDArray[np.float32] | None = None
    """[n, 96, 96, 2] fields d in pixels; ``matrix`` applied to p gives q + d(q). None: none."""
    swap: NDArray[np.bool_] | None = None
    """[n], True where each left keypoint is now the right one, and the other way round."""

    @classmethod
    def still(cls, n: int) -> Warps:
        """n pictures in which nothing moves."""
        return cls(np.tile(np.eye(3), (n, 1, 1)))

    def then(self, other: Warps, at: NDArray[np.intp]) -> Warps:
        """These, then for the pictures `at` the others, of which there are as many.

        Homographies apply in this order; bendings add up after them.
        """
        matrix = self.matrix.copy()
        matrix[at] = other.matrix @ matrix[at]
        bend, swap = self.bend, self.swap
        if other.bend is not None:
            shape = (len(matrix), IMAGE_SIZE, IMAGE_SIZE, 2)
            bend = np.zeros(shape, np.float32) if bend is None else bend.copy()
            bend[at] += other.bend
        if other.swap is not None:
            swap = np.zeros(len(matrix), np.bool_) if swap is None else swap.copy()
            swap[at] ^= other.swap
        return Warps(matrix, bend, swap)


def about_centre(
    a: float | Numbers, b: float | Numbers, c: float | Numbers, d: float | Numbers
) -> Matrices:
    """The matrices [[a, b], [c, d]] about the picture's centre; numbers or arrays [n]."""
    a, b, c, d = np.broadcast_arrays(*(np.atleast_1d(number) for number in (a, b, c, d)))
    matrix = np.zeros((len(a), 3, 3))
    matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 0, 2] = a, b, CENTRE * (1 - a - b)
    matrix[:, 1, 0], matrix[:, 1, 1], matrix[:, 1, 2] = c, d, CENTRE * (1 - c - d)
    matrix[:, 2, 2] = 1.0
    return matrix


FLIP: NDArray[np.float64] = np.array([[-1.0, 0.0, LAST], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
GRID: NDArray[np.float32] = np.dstack(np.meshgrid(*[np.arange(IMAGE_SIZE, dtype=np.float32)] * 2))
"""[96, 96, 2], the (x, y) of every pixel."""
_SIZE = (IMAGE_SIZE, IMAGE_SIZE)
_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_EDGE = cv2.BORDER_REPLICATE


def sample(images: NDArray[np.uint8], warps: Warps) -> NDArray[np.uint8]:
    """The pictures [n, 96, 96] uint8 after the warps: one sampling each, edges repeated.

    Bilinear: bicubic takes three times as long.

    Raises ValueError for any other shape.
    """
    if images.shape[1:] != _SIZE:
        raise ValueError(
            f"images have shape {images.shape}, wanted (n, {IMAGE_SIZE}, {IMAGE_SIZE})"
        )
    shown = np.empty(images.shape, np.uint8)
    back = np.linalg.inv(warps.matrix)
    same = (warps.matrix == np.eye(3)).all(axis=(1, 2))
    affine = (warps.matrix[:, 2] == (0.0, 0.0, 1.0)).all(axis=1)
    for i, (image, out) in enumerate(zip(images, shown, strict=True)):
        if warps.bend is not None and warps.bend[i].any():
            field = cv2.perspectiveTransform(GRID + warps.bend[i], back[i])
            cv2.remap(image, field, None, cv2.INTER_LINEAR, dst=out, borderMode=_EDGE)
        elif same[i]:
            out[:] = image
        elif affine[i]:
            cv2.warpAffine(image, back[i, :2], _SIZE, dst=out, flags=_FLAGS, borderMode=_EDGE)
        else:
            cv2.warpPerspective(image, back[i], _SIZE, dst=out, flags=_FLAGS, borderMode=_EDGE)
    return shown


def move_points(points: NDArray[np.floating], warps: Warps) -> NDArray[np.float64]:
    """Where the keypoints [n, 15, 2] (x, y) go, [n, 15, 2] in pixels.

    A point that is NaN stays NaN (under the partner's name after a swap); one that leaves the
    frame, 0 to 95 in x and y, becomes NaN. Raises ValueError where a swap meets another shape.
    """
    moved = np.asarray(points, dtype=np.float64)
    if warps.swap is not None and warps.swap.any():
        if moved.shape[1] != len(MIRROR):
            raise ValueError(f"{moved.shape[1]} keypoints cannot be swapped, wanted {len(MIRROR)}")
        moved = np.where(warps.swap[:, None, None], moved[:, list(MIRROR)], moved)
    # Written out, for a matrix product's last bits may depend on how many faces there are.
    x, y = moved[..., 0, None], moved[..., 1, None]
    columns = warps.matrix[:, None, :, :]
    moved = x * columns[..., 0] + y * columns[..., 1] + columns[..., 2]
    moved = moved[..., :2] / moved[..., 2:]
    if warps.bend is not None:
        for i in np.flatnonzero(warps.bend.any(axis=(1, 2, 3))):
            moved[i] = _unbend(moved[i], warps.bend[i])
    # NaN compares false, so a missing point stays missing.
    inside = np.all((moved >= 0.0) & (moved <= LAST), axis=2, keepdims=True)
    return np.where(inside, moved, np.nan)


def _unbend(target: NDArray[np.float64], bend: NDArray[np.float32]) -> NDArray[np.float64]:
    """Solves q + d(q) = target by fixed-point steps, which converge while d is gentle (slope < 1).

    A point still moving after all steps sits in a fold, which no place stands for: NaN.
    """
    found: NDArray[np.float64] = target
    change: NDArray[np.float64] = np.zeros((len(target), 1))
    for _ in range(30):
        at = found.astype(np.float32)[:, None, :]
        d = cv2.remap(bend, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        better: NDArray[np.float64] = target - d[:, 0, :]
        change = np.abs(better - found).max(axis=1, keepdims=True)
        found = better
        # Written so that NaN, which compares false, never keeps the loop alive.
        if not (change > 0.01).any():
            return found
    return np.where(change > 0.05, np.nan, found)
