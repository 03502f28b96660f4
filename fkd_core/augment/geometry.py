"""Moving pixels and keypoints: any number of geometric steps become one field, sampled once.

A `Warp` first applies a 3 x 3 homography (mirror, rotation, shift, scale, shear, perspective, in
any number), then bends the result with a smooth field (elastic). Sampling once keeps pictures as
sharp as one interpolation allows; keypoints go exactly where their pixels go, because they follow
the inverse of the very field the pixels were read through.

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

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Warp:
    """Where everything goes: from a point p of the original to q of the copy."""

    matrix: Matrix
    """[3, 3] homography from original to copy, before bending; pixels."""
    bend: NDArray[np.float32] | None = None
    """[96, 96, 2] field d in pixels; ``matrix`` applied to p gives q + d(q). None: no bending."""
    swap: bool = False
    """True where each left keypoint is now the right one, and the other way round."""

    def then(self, other: Warp) -> Warp:
        """Both homographies in this order; both bendings add up after them."""
        bend = self.bend if other.bend is None else other.bend
        if self.bend is not None and other.bend is not None:
            bend = self.bend + other.bend
        return Warp(other.matrix @ self.matrix, bend, self.swap != other.swap)


def about_centre(linear: tuple[float, float, float, float]) -> Matrix:
    """The 2 x 2 matrix (a, b, c, d) about the picture's centre."""
    a, b, c, d = linear
    return np.array(
        [
            [a, b, CENTRE - a * CENTRE - b * CENTRE],
            [c, d, CENTRE - c * CENTRE - d * CENTRE],
            [0.0, 0.0, 1.0],
        ]
    )


FLIP: Matrix = np.array([[-1.0, 0.0, LAST], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


GRID: NDArray[np.float32] = np.dstack(np.meshgrid(*[np.arange(IMAGE_SIZE, dtype=np.float32)] * 2))
"""[96, 96, 2], the (x, y) of every pixel."""


def warp_image(image: NDArray[np.uint8], warp: Warp) -> NDArray[np.uint8]:
    """The picture [96, 96] uint8 after the warp: one bicubic sampling, edges repeated.

    Raises ValueError for any other shape.
    """
    if image.shape[:2] != (IMAGE_SIZE, IMAGE_SIZE):
        raise ValueError(f"image has shape {image.shape}, wanted ({IMAGE_SIZE}, {IMAGE_SIZE})")
    if warp.matrix is FLIP and warp.bend is None:
        return np.ascontiguousarray(image[:, ::-1])
    back = np.linalg.inv(warp.matrix)
    if warp.bend is None:  # OpenCV makes this field on the way, twice as fast
        sampled = cv2.warpPerspective(
            image,
            back,
            (IMAGE_SIZE, IMAGE_SIZE),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    else:
        field = cv2.perspectiveTransform(GRID + warp.bend, back)
        sampled = cv2.remap(image, field, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, dtype=np.uint8)


def move_points(points: NDArray[np.floating], warp: Warp) -> NDArray[np.float64]:
    """Where the keypoints [15, 2] (x, y) go, [15, 2] in pixels.

    A point that is NaN stays NaN (under the partner's name after a swap); one that leaves the
    frame, 0 to 95 in x and y, becomes NaN. Raises ValueError where a swap meets another shape.
    """
    moved = np.asarray(points, dtype=np.float64)
    if warp.swap:
        if len(moved) != len(MIRROR):
            raise ValueError(f"{len(moved)} keypoints cannot be swapped, wanted {len(MIRROR)}")
        moved = moved[list(MIRROR)]
    moved = moved @ warp.matrix[:, :2].T + warp.matrix[:, 2]
    moved = moved[:, :2] / moved[:, 2:]
    if warp.bend is not None:
        moved = _unbend(moved, warp.bend)
    # NaN compares false, so a missing point stays missing.
    inside = np.all((moved >= 0.0) & (moved <= LAST), axis=1, keepdims=True)
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
