"""Shift in x and y."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.draws import Numbers, between
from fkd_core.augment.geometry import Warps
from fkd_core.augment.transforms.base import Transform


def warp(pixels: Numbers, u: Numbers) -> Warps:
    """Moves x and y by distances drawn uniformly from ±pixels."""
    matrix = np.tile(np.eye(3), (len(pixels), 1, 1))
    matrix[:, :2, 2] = between(-pixels, pixels, u).T
    return Warps(matrix)


TRANSFORM = Transform(
    "shift",
    "Moves the face sideways and up or down by random distances within the limit.",
    "±{:.1f} px in x and in y",
    2.0,
    12.0,
    draws=2,
    warp=warp,
)
