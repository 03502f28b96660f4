"""Views: the same picture mirrored, shifted or warped a little, for test-time augmentation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.render import Frames
from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.sources import Pipeline

Images = NDArray[np.uint8]
Points = NDArray[np.float32]

STEP = 2
"""Pixels of a shift."""


@dataclass(frozen=True)
class Nudge:
    """A small similarity about the centre of what a network is shown: of the frame where the last
    stage of an aligned fit sees the face, of the picture itself for any other fit."""

    turn: float = 0.0
    """Degrees, clockwise."""
    zoom: float = 1.0
    right: float = 0.0
    """Pixels of a shift, after turn and zoom."""
    down: float = 0.0

    def after(self, frames: Frames) -> Frames:
        """The frames [n, 2, 3], followed by it."""
        angle = np.deg2rad(self.turn)
        a, b = self.zoom * np.cos(angle), self.zoom * np.sin(angle)
        linear = np.array([[a, -b], [b, a]])
        centre = np.full(2, (IMAGE_SIZE - 1) / 2)
        nudged: Frames = linear @ frames
        nudged[:, :, 2] += centre - linear @ centre + (self.right, self.down)
        return nudged


@dataclass(frozen=True)
class View:
    """One way to show a picture; what is predicted on it can be told of the picture itself."""

    mirrored: bool = False
    right: int = 0
    """Pixels the picture is moved to the right, after it is mirrored."""
    down: int = 0
    """Pixels it is moved down."""
    nudge: Nudge | None = None
    """What the network's own input is warped by; `of` and `undo` leave that to ``Viewer``."""
    settled: bool = False
    """Whether the last stage of an aligned fit sees the face where the mean of all views that are
    not settled has found it: nearer than the stages before it could say."""

    def of(self, images: Images) -> Images:
        """Images [n, 96, 96] mirrored and moved; a border that comes into sight repeats the
        edge."""
        shown = images[:, :, ::-1] if self.mirrored else images
        y, x = (
            np.clip(np.arange(IMAGE_SIZE) - moved, 0, IMAGE_SIZE - 1)
            for moved in (self.down, self.right)
        )
        return np.ascontiguousarray(shown[:, y[:, None], x])

    def shown(self, points: Points, taught: Pipeline) -> Points:
        """Points [n, p, 2] of a picture, as taught, where `of` shows them; undone by `undo`."""
        there = _flipped(points, taught) if self.mirrored else points
        return there + np.array([self.right, self.down], np.float32)

    def undo(self, points: Points, taught: Pipeline) -> Points:
        """Points [n, p, 2] of what `of` gives, as taught, as points of the picture itself.

        Raises ValueError where a mirrored keypoint is not among them.
        """
        back = points - np.array([self.right, self.down], np.float32)
        return _flipped(back, taught) if self.mirrored else back


def _flipped(points: Points, taught: Pipeline) -> Points:
    """Points [n, p, 2] of the mirror picture, under each other's names."""
    flipped = np.ascontiguousarray(points[:, list(taught.mirror)])
    flipped[..., 0] = IMAGE_SIZE - 1 - flipped[..., 0]
    return flipped


_SHIFTS = ((0, 0), (STEP, 0), (-STEP, 0), (0, STEP), (0, -STEP))


def _nudges(turn: float, zoom: float, shift: float) -> tuple[Nudge, ...]:
    """Four that differ most from each other."""
    return (
        Nudge(turn, 1 + zoom, shift, shift),
        Nudge(-turn, 1 + zoom, -shift, shift),
        Nudge(turn, 1 - zoom, -shift, -shift),
        Nudge(-turn, 1 - zoom, shift, -shift),
    )


_SMALL, _LARGER = _nudges(3.0, 0.03, 0.7), _nudges(6.0, 0.06, 0.75)

VIEWS: dict[str, tuple[View, ...]] = {
    "none": (View(),),
    "mirror": (View(), View(mirrored=True)),
    "shifts": tuple(View(m, right, down) for m in (False, True) for right, down in _SHIFTS),
    "warps": tuple(View(m, nudge=nudge) for m in (False, True) for nudge in (None, *_SMALL)),
    "settled": (
        *(View(mirrored) for mirrored in (False, True)),
        *(
            View(mirrored, nudge=nudge, settled=True)
            for mirrored in (False, True)
            for nudge in _SMALL + _LARGER
        ),
    ),
    "settled_few": (
        *(View(mirrored) for mirrored in (False, True)),
        *(View(nudge=nudge, settled=True) for nudge in _SMALL),
        *(View(mirrored=True, nudge=nudge, settled=True) for nudge in _LARGER),
    ),
}
"""Name of a test-time augmentation to its views; the first is always the picture itself, and the
mean over all of them is the prediction. Those of `settled_few` are ten of the eighteen of
`settled`, and err by 0.001 px more."""
