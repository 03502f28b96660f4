"""The heads behind the demo faces: a small shape model, posed in three dimensions.

The face frame has its origin between the eyes, x to the subject's left (right in the picture),
y down, z towards the camera, and a unit of 1/36 of the mean distance between the eyes. Mean
and spread follow the statistics of the competition's label table; no table is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import IMAGE_SIZE, KEYPOINTS, MIRROR

Array = NDArray[np.float64]

MEAN: Array = np.array(
    [
        [18.0, 0.0],
        [-18.0, 0.0],
        [11.2, 0.9],
        [25.1, 0.9],
        [-11.2, 0.9],
        [-25.1, 0.9],
        [8.3, -7.5],
        [31.4, -6.8],
        [-8.3, -7.5],
        [-31.4, -6.8],
        [0.0, 20.0],
        [15.0, 38.5],
        [-15.0, 38.5],
        [0.0, 35.3],
        [0.0, 45.0],
    ]
)
"""[15, 2] mean shape in the face frame, mirror symmetric."""

NOSE, LIP_TOP, LIP_BOTTOM = (
    KEYPOINTS.index(name)
    for name in ("nose_tip", "mouth_center_top_lip", "mouth_center_bottom_lip")
)
NOSE_DEPTH, NOSE_BASE_DEPTH = 13.0, 9.0
NOSE_BASE_DROP = 6.0
MARGIN = 1.5
"""No true keypoint lies nearer to the border of the picture, in pixels."""


def depth(xy: Array) -> Array:
    """z of the face's surface below [k, 2] points: a cylinder, nose left out."""
    return 4.0 - (xy[:, 0] / 9.0) ** 2


def solid(xy: Array, z: Array | float | None = None) -> Array:
    """[k, 3] points of the face frame; on the face's surface without z."""
    xyz = np.empty((len(xy), 3))
    xyz[:, :2] = xy
    xyz[:, 2] = depth(xy) if z is None else z
    return xyz


@dataclass(frozen=True)
class Head:
    """One head: its shape at rest, and its pose before the camera."""

    shape: Array
    """[15, 2] keypoints in the face frame, before the pose."""
    yaw: float
    """Radians, positive turns the nose towards the right of the picture."""
    pitch: float
    """Radians, positive turns the nose up."""
    roll: float
    """Radians, clockwise as seen."""
    scale: float
    """Pixels a unit."""
    centre: tuple[float, float]
    """Where the origin of the face frame falls, in pixels."""

    def place(self, xy: Array, z: Array | float | None = None) -> Array:
        """[k, 2] pixels of [k, 2] points of the face frame; on the face's surface without z."""
        placed: Array = solid(xy, z) @ self.projection + self.centre
        return placed

    @cached_property
    def projection(self) -> Array:
        """[3, 2] from the face frame to pixels: yaw, pitch, roll, scale; no perspective."""
        turned = np.array(
            [
                [np.cos(self.yaw), 0.0],
                [0.0, np.cos(self.pitch)],
                [np.sin(self.yaw), -np.sin(self.pitch)],
            ]
        )
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        projection: Array = turned @ np.array([[cos, sin], [-sin, cos]]) * self.scale
        return projection

    @cached_property
    def points(self) -> Array:
        """[15, 2] true keypoints in pixels."""
        deep = depth(self.shape)
        deep[NOSE] = NOSE_DEPTH
        return self.place(self.shape, deep)

    @cached_property
    def nose_base(self) -> Array:
        """[2] where the nose meets the upper lip, in pixels: the second annotator's nose."""
        below = self.shape[[NOSE]] + np.array([0.0, NOSE_BASE_DROP])
        base: Array = self.place(below, NOSE_BASE_DEPTH)[0]
        return base

    @cached_property
    def mouth_centre(self) -> Array:
        """[2] middle of the mouth in pixels: the second annotator's bottom lip."""
        middle: Array = (self.points[LIP_TOP] + self.points[LIP_BOTTOM]) / 2
        return middle


def _shape(rng: np.random.Generator) -> Array:
    """A shape: the mean, moved along a few modes a face has, and a little in every point."""
    side = np.sign(MEAN[:, 0])
    length, smile, raised, slant, wide, nose = rng.normal(size=6)
    opened = rng.gamma(2.0, 1.7) if rng.random() < 0.4 else 0.0
    shape = MEAN.copy()
    shape[10:, 1] += length * np.array([2.2, 2.8, 2.8, 3.0, 3.0])
    shape[11:13, 0] += side[11:13] * (1.5 * smile - 0.1 * opened)
    shape[11:13, 1] -= 1.3 * smile
    shape[13:15, 1] += [0.5 * smile - 0.25 * opened, -0.4 * smile + opened]
    shape[10, 1] += 1.4 * nose
    shape[6:10, 1] -= 1.7 * raised
    shape[[7, 9], 1] -= 1.4 * slant
    shape[6:10, 0] += side[6:10] * rng.normal(0.0, 1.4)
    shape[2:6, 0] += side[2:6] * np.array([-1, 1, -1, 1]) * wide * 0.9
    own = rng.normal(0.0, 0.35, size=shape.shape)
    shape += own + 0.5 * own[list(MIRROR)] * [-1.0, 1.0]
    shape[LIP_BOTTOM, 1] = max(shape[LIP_BOTTOM, 1], shape[LIP_TOP, 1] + 5.5)
    return shape


def sample_head(rng: np.random.Generator, loose: bool) -> Head:
    """A head whose keypoints all lie in the picture; `loose` crops are framed less carefully."""
    spread = 1.25 if loose else 1.0
    while True:
        apart = float(np.clip(rng.normal(36.3, 3.9 * spread), 24.0, 48.0))
        middle = IMAGE_SIZE / 2 + rng.normal(0.0, 3.1 * spread)
        # Crops follow the whole face, so the eyes of a large one sit higher in the picture.
        height = 37.5 - 0.5 * (apart - 36.3) + rng.normal(0.0, 3.1 * spread)
        head = Head(
            shape=_shape(rng),
            yaw=float(rng.normal(0.0, np.radians(14.0))),
            pitch=float(rng.normal(0.0, np.radians(7.0))),
            roll=float(rng.normal(0.0, np.radians(5.2 * spread))),
            scale=apart / 36.0,
            centre=(float(middle), float(height)),
        )
        seen = np.concatenate([head.points, head.nose_base[None]])
        if seen.min() >= MARGIN and seen.max() <= IMAGE_SIZE - 1 - MARGIN:
            return head
