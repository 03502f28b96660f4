"""Elastic: a smooth random bend."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.draws import Numbers, between
from fkd_core.augment.geometry import Warps
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
KNOTS = BASIS.shape[1]


def warp(pixels: Numbers, u: Numbers) -> Warps:
    """Bends by a smooth random field of this standard deviation, correlated over about 10 px.

    After Simard, Steinkraus and Platt (ICDAR 2003), with cubic B-splines in place of a Gaussian.
    """
    # Uniform on ±sqrt(3) has deviation 1, and its bounds keep every field gentle.
    size = np.float32(np.sqrt(3)) * pixels
    knots = between(-size, size, u).T.astype(np.float32).reshape(-1, 2, KNOTS, KNOTS)
    x, y = np.moveaxis(BASIS @ knots @ BASIS.T, 1, 0)
    return Warps(np.tile(np.eye(3), (len(pixels), 1, 1)), bend=np.stack([x, y], axis=-1))


TRANSFORM = Transform(
    "elastic",
    "Bends the face by a smooth random field, correlated over about 10 px.",
    "displacement of {:.2f} px (standard deviation)",
    0.5,
    1.5,
    draws=2 * KNOTS**2,
    warp=warp,
)
