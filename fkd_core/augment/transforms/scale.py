"""Scale: zoom in and out about the centre."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.geometry import Warp, about_centre
from fkd_core.augment.transforms.base import Transform


def warp(share: float, rng: np.random.Generator) -> Warp:
    """Zooms about the centre by a factor drawn log-uniformly from 1/(1+share) to 1+share."""
    factor = float((1.0 + share) ** rng.uniform(-1.0, 1.0))
    return Warp(about_centre((factor, 0.0, 0.0, factor)))


TRANSFORM = Transform(
    "scale",
    "Zooms in or out by a random factor up to one plus the limit, or one over that.",
    "zoom by up to {:.0%}",
    0.05,
    0.30,
    warp=warp,
)
