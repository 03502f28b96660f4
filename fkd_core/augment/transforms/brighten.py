"""Brighten by a factor."""

from __future__ import annotations

from fkd_core.augment.draws import Numbers, between
from fkd_core.augment.photometric import LEVELS, Images, through
from fkd_core.augment.transforms.base import Transform


def look(factor: Numbers, u: Numbers, images: Images) -> Images:
    """Multiplies by a factor drawn uniformly from 1 to `factor`; white stays white."""
    return through(images, LEVELS * between(1.0, factor, u).T)


TRANSFORM = Transform(
    "brighten",
    "Multiplies gray levels by a random factor from 1 to the limit.",
    "up to {:.2f} times as bright",
    1.2,
    1.7,
    nothing=1.0,
    draws=1,
    look=look,
)
