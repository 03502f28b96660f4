"""Small synthetic faces, made in milliseconds: a soft blob at every keypoint, moved as one."""

from __future__ import annotations

import numpy as np

from fkd_core.data.faces import Faces
from fkd_core.keypoints import IMAGE_SIZE, KEYPOINTS
from fkd_core.sources import COMPLETE, PARTIAL

MEAN_FACE = np.array(
    [
        [66, 37], [30, 37], [59, 38], [73, 38], [36, 38], [23, 38], [56, 29], [79, 30],
        [40, 29], [17, 30], [48, 57], [63, 76], [33, 76], [48, 73], [48, 85],
    ],
    np.float32,
)  # fmt: skip
"""[15, 2] about where the competition's keypoints lie."""


def tiny_faces(complete: int = 40, partial: int = 16, seed: int = 0) -> Faces:
    """Faces of both sources, the complete ones first; equal arguments give equal faces.

    Every fifth complete face lacks its mouth corners, every seventh has the group of the one
    before it (with other pixels), and every partial face has its four points alone.
    """
    rng = np.random.default_rng(seed)
    n = complete + partial
    centre = np.float32((IMAGE_SIZE - 1) / 2)
    scale = rng.uniform(0.85, 1.05, (n, 1, 1))
    moved = (MEAN_FACE - centre) * scale + centre + rng.uniform(-8, 8, (n, 1, 2))
    points = (moved + rng.normal(0, 0.3, moved.shape)).astype(np.float32)
    grid = np.arange(IMAGE_SIZE, dtype=np.float32)
    blob_x, blob_y = (np.exp(-((grid - points[..., i, None]) ** 2) / 18) for i in (0, 1))
    bright = np.linspace(60, 140, len(KEYPOINTS), dtype=np.float32)
    images = np.einsum("k,nky,nkx->nyx", bright, blob_y, blob_x) + rng.normal(50, 2, (n, 96, 96))
    points[:complete:5, [11, 12]] = np.nan
    points[
        np.ix_(np.arange(complete, n), sorted({*COMPLETE.keypoints} - {*PARTIAL.keypoints}))
    ] = np.nan
    group = rng.integers(0, 2**64, n, np.uint64)
    group[7:complete:7] = group[6 : complete - 1 : 7]
    return Faces(
        images=np.clip(images, 0, 255).astype(np.uint8),
        points=points,
        source=(np.arange(n) >= complete).astype(np.int8),
        group=group,
        row=rng.permutation(n).astype(np.int32) + 1,
    )
