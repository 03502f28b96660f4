"""Mirror: left and right change sides, and names."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.geometry import FLIP, Warp
from fkd_core.augment.transforms.base import Transform


def warp(amount: float, rng: np.random.Generator) -> Warp:
    """Left becomes right, and so do the names of the keypoints."""
    return Warp(FLIP, swap=True)


TRANSFORM = Transform(
    "mirror",
    "Flips left and right and swaps the names of the keypoints with it.",
    warp=warp,
)
