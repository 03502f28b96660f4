"""Shift in x and y."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.geometry import Warp
from fkd_core.augment.transforms.base import Transform


def warp(pixels: float, rng: np.random.Generator) -> Warp:
    """Moves x and y by distances drawn uniformly from ±pixels."""
    matrix = np.eye(3)
    matrix[:2, 2] = rng.uniform(-pixels, pixels, 2)
    return Warp(matrix)


TRANSFORM = Transform(
    "shift",
    "Moves the face sideways and up or down by random distances within the limit.",
    "±{:.1f} px in x and in y",
    2.0,
    12.0,
    warp=warp,
)
