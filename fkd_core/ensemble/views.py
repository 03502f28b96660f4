"""Views: the same picture mirrored or shifted, for test-time augmentation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.sources import Pipeline

Images = NDArray[np.uint8]
Points = NDArray[np.float32]

STEP = 2
"""Pixels of a shift."""


@dataclass(frozen=True)
class View:
    """One way to show a picture; what is predicted on it can be told of the picture itself."""

    mirrored: bool = False
    right: int = 0
    """Pixels the picture is moved to the right, after it is mirrored."""
    down: int = 0
    """Pixels it is moved down."""

    def of(self, images: Images) -> Images:
        """The view of images [n, 96, 96]; a border that comes into sight repeats the edge."""
        shown = images[:, :, ::-1] if self.mirrored else images
        y, x = (
            np.clip(np.arange(IMAGE_SIZE) - moved, 0, IMAGE_SIZE - 1)
            for moved in (self.down, self.right)
        )
        return np.ascontiguousarray(shown[:, y[:, None], x])

    def undo(self, points: Points, taught: Pipeline) -> Points:
        """Points [n, p, 2] of the view, as taught, as points of the picture itself.

        Raises ValueError where a mirrored keypoint is not among them.
        """
        back = points - np.array([self.right, self.down], np.float32)
        if not self.mirrored:
            return back
        back[..., 0] = IMAGE_SIZE - 1 - back[..., 0]
        return np.ascontiguousarray(back[:, list(taught.mirror)])


_SHIFTS = ((0, 0), (STEP, 0), (-STEP, 0), (0, STEP), (0, -STEP))

VIEWS: dict[str, tuple[View, ...]] = {
    "none": (View(),),
    "mirror": (View(), View(mirrored=True)),
    "shifts": tuple(View(m, right, down) for m in (False, True) for right, down in _SHIFTS),
}
"""Name of a test-time augmentation to its views; the first is always the picture itself, and the
mean over all of them is the prediction."""
