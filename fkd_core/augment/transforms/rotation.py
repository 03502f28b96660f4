"""Rotation about the picture's centre."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.geometry import Warp, about_centre
from fkd_core.augment.transforms.base import Transform


def warp(degrees: float, rng: np.random.Generator) -> Warp:
    """Turns by an angle drawn uniformly from ±degrees, about the centre."""
    angle = np.deg2rad(rng.uniform(-degrees, degrees))
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    return Warp(about_centre((cos, -sin, sin, cos)))


TRANSFORM = Transform(
    "rotation",
    "Turns the face about the picture's centre by a random angle within the limit.",
    "±{:.1f} degrees",
    4.0,
    20.0,
    warp=warp,
)
