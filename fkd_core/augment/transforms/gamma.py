"""Gamma: gray levels to a power."""

from __future__ import annotations

from fkd_core.augment.draws import Numbers, between
from fkd_core.augment.photometric import LEVELS, Images, through
from fkd_core.augment.transforms.base import Transform


def look(largest: Numbers, u: Numbers, images: Images) -> Images:
    """Raises to an exponent drawn log-uniformly from 1/largest to largest (white is 1)."""
    (exponent,) = largest ** between(-1.0, 1.0, u)
    return through(images, 255.0 * (LEVELS / 255.0) ** exponent[:, None])


TRANSFORM = Transform(
    "gamma",
    "Raises gray levels to a random exponent between one over the limit and the limit.",
    "exponent up to {:.2f} either way",
    1.2,
    2.2,
    nothing=1.0,
    draws=1,
    look=look,
)
