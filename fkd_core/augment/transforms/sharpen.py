"""Sharpen by a Laplacian."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.photometric import CROSS, SAME, Image, filtered
from fkd_core.augment.transforms.base import Transform


def look(weight: float, rng: np.random.Generator, image: Image) -> Image:
    """Subtracts `weight` times the 3 x 3 Laplacian; 1 is the kernel of centre 5 and cross -1."""
    return filtered(image, SAME - np.float32(weight) * CROSS)


TRANSFORM = Transform(
    "sharpen",
    "Strengthens edges by subtracting a 3 x 3 Laplacian.",
    "{:.2f} times the Laplacian",
    0.5,
    1.5,
    look=look,
)
