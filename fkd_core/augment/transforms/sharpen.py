"""Sharpen by a Laplacian."""

from __future__ import annotations

from fkd_core.augment.draws import Numbers
from fkd_core.augment.photometric import Images, with_laplacian
from fkd_core.augment.transforms.base import Transform


def look(weight: Numbers, u: Numbers, images: Images) -> Images:
    """Subtracts `weight` times the 3 x 3 Laplacian; 1 is the kernel of centre 5 and cross -1."""
    return with_laplacian(images, -weight)


TRANSFORM = Transform(
    "sharpen",
    "Strengthens edges by subtracting a 3 x 3 Laplacian.",
    "{:.2f} times the Laplacian",
    0.5,
    1.5,
    look=look,
)
