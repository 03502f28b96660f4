"""Shear along both axes."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.geometry import Warp, about_centre
from fkd_core.augment.transforms.base import Transform


def warp(degrees: float, rng: np.random.Generator) -> Warp:
    """Slants both axes about the centre, each by an angle drawn uniformly from ±degrees."""
    along_x, along_y = np.tan(np.deg2rad(rng.uniform(-degrees, degrees, 2)))
    return Warp(about_centre((1.0, float(along_x), float(along_y), 1.0)))


TRANSFORM = Transform(
    "shear",
    "Slants the picture along both axes by random angles within the limit.",
    "±{:.1f} degrees",
    3.0,
    15.0,
    warp=warp,
)
