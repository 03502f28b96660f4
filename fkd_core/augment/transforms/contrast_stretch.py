"""Contrast stretch about the picture's mean."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.photometric import LEVELS, Image, through
from fkd_core.augment.transforms.base import Transform


def look(factor: float, rng: np.random.Generator, image: Image) -> Image:
    """Stretches linearly about the picture's mean by a factor drawn from 1 to `factor`."""
    mean = float(image.mean())
    return through(image, mean + (LEVELS - mean) * rng.uniform(1.0, factor))


TRANSFORM = Transform(
    "contrast_stretch",
    "Stretches gray levels about their mean by a random factor from 1 to the limit.",
    "up to {:.2f} times the contrast",
    1.2,
    2.0,
    look=look,
)
