"""Gamma: gray levels to a power."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.photometric import LEVELS, Image, through
from fkd_core.augment.transforms.base import Transform


def look(largest: float, rng: np.random.Generator, image: Image) -> Image:
    """Raises to an exponent drawn log-uniformly from 1/largest to largest (white is 1)."""
    exponent = largest ** rng.uniform(-1.0, 1.0)
    return through(image, 255.0 * (LEVELS / 255.0) ** exponent)


TRANSFORM = Transform(
    "gamma",
    "Raises gray levels to a random exponent between one over the limit and the limit.",
    "exponent up to {:.2f} either way",
    1.2,
    2.2,
    look=look,
)
