"""Rotation about the picture's centre."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.draws import Numbers, between
from fkd_core.augment.geometry import Warps, about_centre
from fkd_core.augment.transforms.base import Transform


def warp(degrees: Numbers, u: Numbers) -> Warps:
    """Turns by an angle drawn uniformly from ±degrees, about the centre."""
    (angle,) = np.deg2rad(between(-degrees, degrees, u))
    cos, sin = np.cos(angle), np.sin(angle)
    return Warps(about_centre(cos, -sin, sin, cos))


TRANSFORM = Transform(
    "rotation",
    "Turns the face about the picture's centre by a random angle within the limit.",
    "±{:.1f} degrees",
    4.0,
    20.0,
    draws=1,
    warp=warp,
)
