"""Laplacian smoothing."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.photometric import CROSS, SAME, Image, filtered
from fkd_core.augment.transforms.base import Transform


def look(weight: float, rng: np.random.Generator, image: Image) -> Image:
    """Adds `weight` times the 3 x 3 Laplacian; 0.25 is the mean of the four neighbours."""
    return filtered(image, SAME + np.float32(weight) * CROSS)


TRANSFORM = Transform(
    "laplacian_smoothing",
    "Draws every pixel towards the mean of its four neighbours.",
    "{:.2f} times the 3 x 3 Laplacian",
    0.10,
    0.25,
    look=look,
)
