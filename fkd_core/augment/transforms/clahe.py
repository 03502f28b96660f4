"""CLAHE: contrast equalised tile by tile."""

from __future__ import annotations

import cv2
import numpy as np

from fkd_core.augment.photometric import Image
from fkd_core.augment.transforms.base import Transform


def look(clip: float, rng: np.random.Generator, image: Image) -> Image:
    """Equalises contrast tile by tile (8 x 8 tiles), no histogram bin above `clip` of a tile.

    Zuiderveld, Graphics Gems IV (1994). The unit is scikit-image's; OpenCV counts in multiples
    of a flat histogram's 1/256.
    """
    equaliser = cv2.createCLAHE(clipLimit=256 * clip, tileGridSize=(8, 8))
    return np.asarray(equaliser.apply(image), np.uint8)


TRANSFORM = Transform(
    "clahe",
    "Equalises contrast tile by tile, with limited amplification.",
    "clip limit {:.3f} on 8 x 8 tiles",
    0.01,
    0.05,
    look=look,
)
