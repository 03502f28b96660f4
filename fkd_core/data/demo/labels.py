"""Labels of the demo faces: two annotators with their styles, gaps and mistakes."""

from __future__ import annotations

import numpy as np

from fkd_core.data.demo.shape import Array, Head
from fkd_core.keypoints import IMAGE_SIZE, KEYPOINTS
from fkd_core.sources import PARTIAL

ERROR: dict[str, float] = {
    "eye_center": 0.4,
    "eye_inner": 0.6,
    "eye_outer": 0.7,
    "eyebrow_inner": 0.9,
    "eyebrow_outer": 1.0,
    "nose": 0.8,
    "mouth": 0.7,
}
"""The 15-point annotator's own standard error a coordinate in pixels, by part of the name."""
PARTIAL_ERROR: tuple[float, ...] = (0.7, 0.7, 1.0, 1.4)
"""The 4-point annotator's: eye centres, nose, mouth."""
_PARTS = [name.replace("left_", "").replace("right_", "") for name in KEYPOINTS]
_COMPLETE_ERROR = np.array(
    [next(error for start, error in ERROR.items() if part.startswith(start)) for part in _PARTS]
)
_CENTRES = list(PARTIAL.keypoints)
_LOST = np.array(
    [1.0 if n in _CENTRES else 8.0 if "outer_end" in KEYPOINTS[n] else 2.0 for n in range(15)]
)
"""How often a point is missing, in proportion: brows' outer ends most, as in the competition."""
WRONG = ("two_points_swapped", "one_point_off", "all_points_shifted", "labels_of_another_face")
"""Kinds of mistakes. None swaps a whole face left to right: one such row in 200 would outweigh
all other errors of a good model."""


def complete_labels(head: Head, rng: np.random.Generator) -> Array:
    """[15, 2] as the 15-point annotator marks them, in pixels, inside the picture."""
    error = rng.normal(0.0, _COMPLETE_ERROR[:, None], size=(15, 2))
    return _rounded(head.points + error)


def partial_labels(head: Head, rng: np.random.Generator) -> Array:
    """[15, 2], NaN but for four: the nose where it meets the lip, the lip at mid-mouth."""
    marks = head.points[_CENTRES]
    marks[2], marks[3] = head.nose_base, head.mouth_centre
    labels = np.full((15, 2), np.nan)
    labels[_CENTRES] = marks + rng.normal(0.0, np.array(PARTIAL_ERROR)[:, None], size=(4, 2))
    return _rounded(labels)


def lose(labels: Array, keep: int, rng: np.random.Generator) -> Array:
    """The labels with only `keep` of them left."""
    given = np.flatnonzero(~np.isnan(labels[:, 0]))
    weight = _LOST[given] / _LOST[given].sum()
    fewer = labels.copy()
    fewer[rng.choice(given, len(given) - keep, replace=False, p=weight)] = np.nan
    return fewer


def mistaken(labels: Array, kind: str, other: Array, rng: np.random.Generator) -> Array:
    """The labels with a mistake of one of the kinds WRONG; `other` are those of another face."""
    wrong = labels.copy()
    given = np.flatnonzero(~np.isnan(labels[:, 0]))
    if kind == "labels_of_another_face":
        wrong[given] = other[given]
        return wrong
    if kind == "two_points_swapped":
        point = rng.choice(given)
        apart = np.hypot(*(labels[given] - labels[point]).T)
        pair = [point, given[np.argsort(apart)[1]]]  # with its nearest neighbour
        wrong[pair] = labels[pair[::-1]]
        return wrong
    angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(9, 22)
    step = np.array([np.cos(angle), np.sin(angle)]) * reach
    if kind == "one_point_off":
        point = rng.choice(given)
        # Towards the middle, so that the border never undoes the mistake.
        wrong[point] += np.abs(step) * np.where(labels[point] < IMAGE_SIZE / 2, 1, -1)
    else:
        wrong += step * 0.6
    return _rounded(wrong)


def _rounded(labels: Array) -> Array:
    return np.asarray(np.round(np.clip(labels, 0.0, IMAGE_SIZE - 1.0), 3), dtype=np.float64)
