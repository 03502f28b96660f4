"""Mirror without swap: the control that must be found harmful."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.draws import Numbers
from fkd_core.augment.geometry import FLIP, Warps
from fkd_core.augment.transforms.base import Transform


def warp(amount: Numbers, u: Numbers) -> Warps:
    """The classic mistake: pixels and positions are mirrored, names are not."""
    return Warps(np.tile(FLIP, (len(amount), 1, 1)))


TRANSFORM = Transform(
    "mirror_without_swap",
    "Flips left and right but keeps the names of the keypoints: a control known to harm.",
    warp=warp,
    candidate=False,
)
