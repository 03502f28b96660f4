"""Box blur."""

from __future__ import annotations

import cv2
import numpy as np

from fkd_core.augment.photometric import Image
from fkd_core.augment.transforms.base import Transform


def look(width: float, rng: np.random.Generator, image: Image) -> Image:
    """Averages over a centred square of this side in pixels; its rim counts by the part inside."""
    reach = int(np.ceil((width - 1) / 2))
    row = np.clip((width + 1) / 2 - np.abs(np.arange(-reach, reach + 1)), 0.0, 1.0) / width
    blurred = cv2.sepFilter2D(image, -1, row, row, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.uint8)


TRANSFORM = Transform(
    "box_blur",
    "Averages every pixel with the square around it.",
    "square of {:.1f} px",
    2.0,
    8.0,
    look=look,
)
