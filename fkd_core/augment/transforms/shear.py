"""Shear along both axes."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.draws import Numbers, between
from fkd_core.augment.geometry import Warps, about_centre
from fkd_core.augment.transforms.base import Transform


def warp(degrees: Numbers, u: Numbers) -> Warps:
    """Slants both axes about the centre, each by an angle drawn uniformly from ±degrees."""
    along_x, along_y = np.tan(np.deg2rad(between(-degrees, degrees, u)))
    return Warps(about_centre(1.0, along_x, along_y, 1.0))


TRANSFORM = Transform(
    "shear",
    "Slants the picture along both axes by random angles within the limit.",
    "±{:.1f} degrees",
    3.0,
    15.0,
    draws=2,
    warp=warp,
)
