"""Gaussian noise on every pixel."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.photometric import Image
from fkd_core.augment.transforms.base import Transform


def look(share: float, rng: np.random.Generator, image: Image) -> Image:
    """Independent noise of this standard deviation, as a share of full white."""
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(255 * share)
    return np.asarray(np.clip(np.rint(noise + image), 0, 255), dtype=np.uint8)


TRANSFORM = Transform(
    "gaussian_noise",
    "Adds independent noise to every pixel.",
    "standard deviation {:.3f} of full white",
    0.008,
    0.05,
    look=look,
)
