"""Changing gray levels and leaving every keypoint where it is: what the transforms share.

Results are rounded and clipped, never wrapped.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
LEVELS: NDArray[np.float64] = np.arange(256, dtype=np.float64)


def through(image: Image, levels: NDArray[np.float64]) -> Image:
    """Every gray level g becomes ``levels[g]``, rounded and clipped."""
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), dtype=np.uint8)


CROSS: NDArray[np.float32] = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32)
SAME: NDArray[np.float32] = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32)


def filtered(image: Image, kernel: NDArray[np.float32]) -> Image:
    """The picture through a small kernel, edges repeated."""
    # filter2D saturates uint8, so nothing wraps.
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)
