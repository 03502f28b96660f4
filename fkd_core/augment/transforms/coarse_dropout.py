"""Coarse dropout: gray squares."""

from __future__ import annotations

import numpy as np

from fkd_core.augment.draws import Numbers
from fkd_core.augment.photometric import Images
from fkd_core.augment.transforms.base import Transform


def look(side: Numbers, u: Numbers, images: Images) -> Images:
    """Covers one to three squares of this side in pixels, each in one random gray.

    DeVries and Taylor (2017), arXiv 1708.04552. Labels below a square are kept: the network is to
    guess them from the rest of the face.
    """
    changed = images.copy()
    holes = (u[0] * 3).astype(np.int64) + 1
    gray = (u[1:4] * 256).astype(np.uint8)
    centre = u[4:].reshape(3, 2, -1) * images.shape[1]
    low = np.rint(centre - side / 2).astype(np.int64)
    high = np.clip(low + np.rint(side).astype(np.int64), 0, None)
    low = np.clip(low, 0, None)
    for i, out in enumerate(changed):
        for hole in range(holes[i]):
            (left, top), (right, bottom) = low[hole, :, i], high[hole, :, i]
            out[top:bottom, left:right] = gray[hole, i]
    return changed


TRANSFORM = Transform(
    "coarse_dropout",
    "Covers one to three squares of the picture, each in one random gray.",
    "squares of {:.0f} px",
    10.0,
    34.0,
    draws=10,
    look=look,
)
