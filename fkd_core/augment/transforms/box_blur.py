"""Box blur."""

from __future__ import annotations

import cv2
import numpy as np

from fkd_core.augment.draws import Numbers
from fkd_core.augment.photometric import Images
from fkd_core.augment.transforms.base import Transform


def look(width: Numbers, u: Numbers, images: Images) -> Images:
    """Averages over a centred square of this side in pixels; its rim counts by the part inside."""
    changed = np.empty_like(images)
    for image, side, out in zip(images, width, changed, strict=True):
        reach = int(np.ceil((side - 1) / 2))
        row = np.clip((side + 1) / 2 - np.abs(np.arange(-reach, reach + 1)), 0.0, 1.0) / side
        cv2.sepFilter2D(image, -1, row, row, dst=out, borderType=cv2.BORDER_REPLICATE)
    return changed


TRANSFORM = Transform(
    "box_blur",
    "Averages every pixel with the square around it.",
    "square of {:.1f} px",
    2.0,
    8.0,
    nothing=1.0,
    look=look,
)
