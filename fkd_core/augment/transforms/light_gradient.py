"""Light gradient: one side brighter than the other."""

from __future__ import annotations

import cv2
import numpy as np

from fkd_core.augment.draws import Numbers
from fkd_core.augment.photometric import Images
from fkd_core.augment.transforms.base import Transform
from fkd_core.keypoints import IMAGE_SIZE

RAMP = np.linspace(-1.0, 1.0, IMAGE_SIZE)


def look(share: Numbers, u: Numbers, images: Images) -> Images:
    """Multiplies by a plane, 1 at the centre, steepest in a direction drawn uniformly.

    At the border in that direction it is 1 plus a number drawn uniformly from 0 to `share`.
    """
    angle, slope = 2 * np.pi * u[0], share * u[1]
    along_x, along_y = slope * np.cos(angle), slope * np.sin(angle)
    across = (along_x[:, None] * RAMP).astype(np.float32)[:, None, :]
    down = (1.0 + along_y[:, None] * RAMP).astype(np.float32)[:, :, None]
    changed = np.empty_like(images)
    for image, plane, out in zip(images, across + down, changed, strict=True):
        cv2.multiply(image, plane, dst=out, dtype=cv2.CV_8U)  # rounds and saturates
    return changed


TRANSFORM = Transform(
    "light_gradient",
    "Lights the face from a random side: gray levels rise towards it and fall away from it.",
    "up to {:.0%} at the border",
    0.10,
    0.60,
    draws=2,
    look=look,
)
