"""Dim by a factor."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.photometric import LEVELS, Image, through
from fkd_core.augment.transforms.base import Transform


def look(factor: float, rng: np.random.Generator, image: Image) -> Image:
    """Multiplies by a factor drawn uniformly from `factor` to 1."""
    return through(image, LEVELS * rng.uniform(factor, 1.0))


TRANSFORM = Transform(
    "dim",
    "Multiplies gray levels by a random factor from the limit to 1.",
    "down to {:.2f} times as bright",
    0.8,
    0.4,
    look=look,
)
