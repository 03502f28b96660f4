"""Contrast stretch about the picture's mean."""

from __future__ import annotations

from fkd_core.augment.draws import Numbers, between
from fkd_core.augment.photometric import LEVELS, Images, through
from fkd_core.augment.transforms.base import Transform


def look(factor: Numbers, u: Numbers, images: Images) -> Images:
    """Stretches linearly about the picture's mean by a factor drawn from 1 to `factor`."""
    mean = images.mean(axis=(1, 2))[:, None]
    return through(images, mean + (LEVELS - mean) * between(1.0, factor, u).T)


TRANSFORM = Transform(
    "contrast_stretch",
    "Stretches gray levels about their mean by a random factor from 1 to the limit.",
    "up to {:.2f} times the contrast",
    1.2,
    2.0,
    nothing=1.0,
    draws=1,
    look=look,
)
