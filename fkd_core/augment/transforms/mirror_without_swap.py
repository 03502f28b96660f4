"""Mirror without swap: the control that must be found harmful."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.geometry import FLIP, Warp
from fkd_core.augment.transforms.base import Transform


def warp(amount: float, rng: np.random.Generator) -> Warp:
    """The classic mistake: pixels and positions are mirrored, names are not."""
    return Warp(FLIP)


TRANSFORM = Transform(
    "mirror_without_swap",
    "Flips left and right but keeps the names of the keypoints: a control known to harm.",
    warp=warp,
    candidate=False,
)
