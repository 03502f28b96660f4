"""Brighten by a factor."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.photometric import LEVELS, Image, through
from fkd_core.augment.transforms.base import Transform


def look(factor: float, rng: np.random.Generator, image: Image) -> Image:
    """Multiplies by a factor drawn uniformly from 1 to `factor`; white stays white."""
    return through(image, LEVELS * rng.uniform(1.0, factor))


TRANSFORM = Transform(
    "brighten",
    "Multiplies gray levels by a random factor from 1 to the limit.",
    "up to {:.2f} times as bright",
    1.2,
    1.7,
    look=look,
)
