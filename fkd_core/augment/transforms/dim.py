"""Dim by a factor."""

from __future__ import annotations

from fkd_core.augment.draws import Numbers, between
from fkd_core.augment.photometric import LEVELS, Images, through
from fkd_core.augment.transforms.base import Transform


def look(factor: Numbers, u: Numbers, images: Images) -> Images:
    """Multiplies by a factor drawn uniformly from `factor` to 1."""
    return through(images, LEVELS * between(factor, 1.0, u).T)


TRANSFORM = Transform(
    "dim",
    "Multiplies gray levels by a random factor from the limit to 1.",
    "down to {:.2f} times as bright",
    0.8,
    0.4,
    nothing=1.0,
    draws=1,
    look=look,
)
