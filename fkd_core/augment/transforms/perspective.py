"""Perspective: the picture tilted."""

from __future__ import annotations

import cv2
import numpy as np

from fkd_core.augment.draws import Numbers, between
from fkd_core.augment.geometry import LAST, Warps
from fkd_core.augment.transforms.base import Transform

CORNERS = np.array([[0, 0], [LAST, 0], [LAST, LAST], [0, LAST]], np.float32)


def warp(pixels: Numbers, u: Numbers) -> Warps:
    """Moves each corner of the frame by distances drawn uniformly from ±pixels."""
    moves = between(-pixels, pixels, u).T.reshape(-1, 4, 2)
    moved = (CORNERS + moves).astype(np.float32)
    matrices = [cv2.getPerspectiveTransform(CORNERS, corners) for corners in moved]
    return Warps(np.array(matrices, np.float64).reshape(-1, 3, 3))


TRANSFORM = Transform(
    "perspective",
    "Tilts the picture: each corner moves by random distances within the limit.",
    "corners ±{:.1f} px",
    2.0,
    10.0,
    draws=8,
    warp=warp,
)
