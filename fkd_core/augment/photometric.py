"""Changing gray levels and leaving every keypoint where it is: what the transforms share.

Results are rounded and clipped, never wrapped.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
"""[n, 96, 96]."""
LEVELS: NDArray[np.float64] = np.arange(256, dtype=np.float64)


def through(images: Images, levels: NDArray[np.float64]) -> Images:
    """Every gray level g of picture i becomes ``levels[i, g]``, rounded and clipped."""
    tables = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    changed = np.empty_like(images)
    for image, table, out in zip(images, tables, changed, strict=True):
        cv2.LUT(image, table, dst=out)
    return changed


CROSS: NDArray[np.float32] = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32)
SAME: NDArray[np.float32] = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32)


def with_laplacian(images: Images, weights: NDArray[np.float64]) -> Images:
    """Each picture plus its weight times its 3 x 3 Laplacian, edges repeated."""
    changed = np.empty_like(images)
    for image, weight, out in zip(images, weights, changed, strict=True):
        # filter2D saturates uint8, so nothing wraps.
        kernel = SAME + np.float32(weight) * CROSS
        cv2.filter2D(image, -1, kernel, dst=out, borderType=cv2.BORDER_REPLICATE)
    return changed
