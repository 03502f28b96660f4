"""Showing faces in another frame: straightened pictures, and points there and back.

A frame is affine, [2, 3]: it takes picture coordinates (x, y, 1), in pixels, to where they are
shown, in a picture of the same size. Points need NumPy alone, pictures OpenCV.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.policy import Policy
from fkd_core.augment.render import Frames, render
from fkd_core.keypoints import KEYPOINTS


def straightened(images: NDArray[np.uint8], frames: Frames) -> NDArray[np.uint8]:
    """The pictures [n, 96, 96] in their frames [n, 2, 3], edges repeated where they end.

    Raises UserError where OpenCV is missing.
    """
    n = len(images)
    nowhere = np.full((n, len(KEYPOINTS), 2), np.nan, np.float32)
    shown, _ = render(images, nowhere, np.zeros(n, np.int32), Policy(), 0, 0, frames)
    return shown


def to_frame(points: NDArray[np.floating], frames: Frames) -> NDArray[np.float64]:
    """Points [n, p, 2] of the pictures as they are shown in frames [n, 2, 3].

    NaN stays NaN; a point may lie outside what is shown.
    """
    return np.asarray(
        points[..., 0, None] * frames[:, None, :, 0]
        + points[..., 1, None] * frames[:, None, :, 1]
        + frames[:, None, :, 2],
        np.float64,
    )


def from_frame(points: NDArray[np.floating], frames: Frames) -> NDArray[np.float64]:
    """Points [n, p, 2] as shown in frames [n, 2, 3], back in the pictures; undoes `to_frame`."""
    linear = np.linalg.inv(frames[:, :, :2])
    back = np.concatenate([linear, -linear @ frames[:, :, 2:]], axis=2)
    return to_frame(points, back)
