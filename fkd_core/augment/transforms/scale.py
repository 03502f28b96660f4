"""Scale: zoom in and out about the centre."""

from __future__ import annotations

from fkd_core.augment.draws import Numbers, between
from fkd_core.augment.geometry import Warps, about_centre
from fkd_core.augment.transforms.base import Transform


def warp(share: Numbers, u: Numbers) -> Warps:
    """Zooms about the centre by a factor drawn log-uniformly from 1/(1+share) to 1+share."""
    (factor,) = (1.0 + share) ** between(-1.0, 1.0, u)
    return Warps(about_centre(factor, 0.0, 0.0, factor))


TRANSFORM = Transform(
    "scale",
    "Zooms in or out by a random factor up to one plus the limit, or one over that.",
    "zoom by up to {:.0%}",
    0.05,
    0.30,
    draws=1,
    warp=warp,
)
