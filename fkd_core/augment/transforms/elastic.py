"""Elastic: a smooth random bend."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.geometry import Warp
from fkd_core.augment.transforms.base import Transform
from fkd_core.keypoints import IMAGE_SIZE

KNOT_SPACING = 17.0
"""Pixels between the knots of an elastic field. A cubic B-spline of spacing h is close to a
Gaussian of standard deviation h / sqrt(3), here 10 px."""


def _spline_basis() -> NDArray[np.float32]:
    """[96, knots] cubic B-spline weights, scaled so that white noise of sd 1 gives sd 1."""
    knots = int(np.ceil((IMAGE_SIZE - 1) / KNOT_SPACING)) + 3
    distance = np.abs(np.arange(IMAGE_SIZE)[:, None] / KNOT_SPACING - (np.arange(knots) - 1))
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    basis = np.where(distance < 1, near, far)
    return np.asarray(basis / np.sqrt((basis**2).sum(1).mean()), dtype=np.float32)


BASIS = _spline_basis()


def warp(pixels: float, rng: np.random.Generator) -> Warp:
    """Bends by a smooth random field of this standard deviation, correlated over about 10 px.

    After Simard, Steinkraus and Platt (ICDAR 2003), with cubic B-splines in place of a Gaussian.
    """
    # Uniform on ±sqrt(3) has deviation 1, and its bounds keep every field gentle.
    knots = rng.random((2, BASIS.shape[1], BASIS.shape[1]), dtype=np.float32) * 2 - 1
    field = BASIS @ (knots * np.float32(np.sqrt(3) * pixels)) @ BASIS.T
    return Warp(np.eye(3), bend=np.asarray(cv2.merge([field[0], field[1]]), dtype=np.float32))


TRANSFORM = Transform(
    "elastic",
    "Bends the face by a smooth random field, correlated over about 10 px.",
    "displacement of {:.2f} px (standard deviation)",
    0.5,
    1.5,
    warp=warp,
)
