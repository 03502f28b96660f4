"""Coarse dropout: gray squares."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.photometric import Image
from fkd_core.augment.transforms.base import Transform


def look(side: float, rng: np.random.Generator, image: Image) -> Image:
    """Covers one to three squares of this side in pixels, each in one random gray.

    DeVries and Taylor (2017), arXiv 1708.04552. Labels below a square are kept: the network is to
    guess them from the rest of the face.
    """
    height, width = image.shape[:2]
    holes = rng.integers(1, 4)
    centre = rng.uniform(0, 1, (holes, 2)) * (width, height)
    low = np.rint(centre - side / 2).astype(np.int64)
    high = low + round(side)
    corners = np.clip(np.hstack([low, high]), 0, (width, height, width, height))
    covered = image.copy()
    for left, top, right, bottom in corners:
        covered[top:bottom, left:right] = rng.integers(256)
    return covered


TRANSFORM = Transform(
    "coarse_dropout",
    "Covers one to three squares of the picture, each in one random gray.",
    "squares of {:.0f} px",
    10.0,
    34.0,
    look=look,
)
