"""Perspective: the picture tilted."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.geometry import LAST, Warp
from fkd_core.augment.transforms.base import Transform

CORNERS: NDArray[np.float32] = np.array([[0, 0], [LAST, 0], [LAST, LAST], [0, LAST]], np.float32)


def warp(pixels: float, rng: np.random.Generator) -> Warp:
    """Moves each corner of the frame by distances drawn uniformly from ±pixels."""
    moved = CORNERS + rng.uniform(-pixels, pixels, (4, 2)).astype(np.float32)
    return Warp(np.asarray(cv2.getPerspectiveTransform(CORNERS, moved), dtype=np.float64))


TRANSFORM = Transform(
    "perspective",
    "Tilts the picture: each corner moves by random distances within the limit.",
    "corners ±{:.1f} px",
    2.0,
    10.0,
    warp=warp,
)
