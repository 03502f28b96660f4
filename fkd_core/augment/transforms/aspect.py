"""Aspect: wider or narrower about the centre."""

from __future__ import annotations

from fkd_core.augment.draws import Numbers, between
from fkd_core.augment.geometry import Warps, about_centre
from fkd_core.augment.transforms.base import Transform


def warp(share: Numbers, u: Numbers) -> Warps:
    """Widens by a factor drawn log-uniformly from 1/(1+share) to 1+share, heights the other way.

    The area stays, so that nothing of a change in scale is in it.
    """
    (factor,) = (1.0 + share) ** between(-1.0, 1.0, u)
    return Warps(about_centre(factor**0.5, 0.0, 0.0, factor**-0.5))


TRANSFORM = Transform(
    "aspect",
    "Changes the ratio of width to height by a random factor, at equal area.",
    "ratio by up to {:.0%}",
    0.02,
    0.20,
    draws=1,
    warp=warp,
)
