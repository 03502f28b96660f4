"""Laplacian smoothing."""

from __future__ import annotations

from fkd_core.augment.draws import Numbers
from fkd_core.augment.photometric import Images, with_laplacian
from fkd_core.augment.transforms.base import Transform


def look(weight: Numbers, u: Numbers, images: Images) -> Images:
    """Adds `weight` times the 3 x 3 Laplacian; 0.25 is the mean of the four neighbours."""
    return with_laplacian(images, weight)


TRANSFORM = Transform(
    "laplacian_smoothing",
    "Draws every pixel towards the mean of its four neighbours.",
    "{:.2f} times the 3 x 3 Laplacian",
    0.10,
    0.25,
    look=look,
)
