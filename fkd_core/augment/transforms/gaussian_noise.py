"""Gaussian noise on every pixel."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.draws import Numbers
from fkd_core.augment.photometric import Images
from fkd_core.augment.transforms.base import Transform


def look(share: Numbers, u: Numbers, images: Images) -> Images:
    """Independent noise of this standard deviation, as a share of full white."""
    changed = np.empty_like(images)
    seeds = (u * 2.0**32).astype(np.uint64).T
    for image, sd, seed, out in zip(images, share, seeds, changed, strict=True):
        rng = np.random.Generator(np.random.SFC64(seed))
        noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(255 * sd)
        out[:] = np.clip(np.rint(noise + image), 0, 255)
    return changed


TRANSFORM = Transform(
    "gaussian_noise",
    "Adds independent noise to every pixel.",
    "standard deviation {:.3f} of full white",
    0.008,
    0.05,
    draws=2,
    look=look,
)
