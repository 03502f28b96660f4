"""CLAHE: contrast equalised tile by tile."""

from __future__ import annotations

import cv2
import numpy as np

from fkd_core.augment.draws import Numbers
from fkd_core.augment.photometric import Images
from fkd_core.augment.transforms.base import Transform


def look(clip: Numbers, u: Numbers, images: Images) -> Images:
    """Equalises contrast tile by tile (8 x 8 tiles), no histogram bin above `clip` of a tile.

    Zuiderveld, Graphics Gems IV (1994). The unit is scikit-image's; OpenCV counts in multiples
    of a flat histogram's 1/256.
    """
    changed = np.empty_like(images)
    for image, limit, out in zip(images, clip, changed, strict=True):
        cv2.createCLAHE(clipLimit=256 * float(limit), tileGridSize=(8, 8)).apply(image, out)
    return changed


TRANSFORM = Transform(
    "clahe",
    "Equalises contrast tile by tile, with limited amplification.",
    "clip limit {:.3f} on 8 x 8 tiles",
    0.01,
    0.05,
    look=look,
)
