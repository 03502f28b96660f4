"""Mirror: left and right change sides, and names."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.draws import Numbers
from fkd_core.augment.geometry import FLIP, Warps
from fkd_core.augment.transforms.base import Transform


def warp(amount: Numbers, u: Numbers) -> Warps:
    """Left becomes right, and so do the names of the keypoints."""
    n = len(amount)
    return Warps(np.tile(FLIP, (n, 1, 1)), swap=np.ones(n, np.bool_))


TRANSFORM = Transform(
    "mirror",
    "Flips left and right and swaps the names of the keypoints with it.",
    warp=warp,
)
