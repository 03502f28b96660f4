"""The detector: where a photo has faces, upright or turned, as frames like the training crops."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.photos.frames import Frame

Gray = NDArray[np.uint8]
Found = tuple[Frame, int]
"""A square frame around a face, and its score: how many windows agree on it."""

SMALLEST = 24
"""Side in pixels of the cascade's window, and of the smallest photo that is searched."""

# Measured on faces with labelled eyes: the square of side 1.0 box, moved up by 0.02 of it, puts
# the eyes on average where the competition's are, (47.9, 37.0) and 36.5 pixels apart, with a
# standard deviation of 2 pixels each way and in distance.
_CROP_SIDE = 1.0
_CROP_UP = 0.02

_SEARCHED = (320, 800)  # pixels of a photo's longest side when it is searched
_ENLARGED = 4  # times at most; beyond it there is nothing but blur to be mistaken
_TURNED = 480  # the same at most where the photo is also turned, to bound the time
_TURNS = ((-30.0, 30.0), (90.0, 180.0, 270.0))  # degrees, as far as nothing is certain
_GROWTH = 1.12  # of the window from one size to the next
_AGREEING = 2  # windows that make a place worth a second look

_LOOK = 64  # pixels of a candidate's box in the second look
_TILTS = (-12.0, 0.0, 12.0)  # degrees, in the second look
# Measured there: 82% of faces had 60 windows, 73% had 100, the median 210; of the candidates
# that are none, 5% had more than 52.
_LIKELY = 60  # the surest face of an upright photo needs as many
_CERTAIN = 100  # every further one, and any in a turned photo


def find(photo: Gray) -> list[Found]:
    """The faces of a gray photo, largest first; none in one that is below 24 pixels.

    Windows of OpenCV's LBP cascade (Liao et al. 2007), as scikit-image carries it, name
    candidates; a second, closer look decides. The photo is searched upright; as long as nothing
    certain is found also turned by 30 degrees, then by quarter turns, where only what is certain
    counts. The surest turn wins.
    """
    tall, wide = photo.shape
    if min(tall, wide) < SMALLEST:
        return []
    longest = max(tall, wide)
    least, most = _SEARCHED
    upright = _overview(photo, 0.0, min(max(longest, min(least, _ENLARGED * longest)), most))
    small = upright.sample(photo)
    best = _found(small)
    for turns in _TURNS:
        if _surest(best) >= _CERTAIN:
            break
        for turn in turns:
            view = _overview(small, turn, min(_TURNED, max(small.shape)))
            turned = _found(view.sample(small))
            if _surest(turned) >= max(_CERTAIN, _surest(best) + 1):
                best = [(frame.seen_from(view), score) for frame, score in turned]
    faces = [(frame.seen_from(upright), score) for frame, score in best]
    return sorted(faces, key=lambda face: -face[0].side)


def _surest(found: list[Found]) -> int:
    return max((score for _, score in found), default=0)


def _overview(photo: Gray, roll: float, longest: float) -> Frame:
    """All of the photo, turned by `roll`, its longest side as so many pixels."""
    tall, wide = photo.shape
    step = max(tall, wide) / longest
    cos, sin = (abs(f(math.radians(roll))) for f in (math.cos, math.sin))
    width, height = (
        max(1, round(side / step)) for side in (wide * cos + tall * sin, wide * sin + tall * cos)
    )
    return Frame((wide - 1) / 2, (tall - 1) / 2, step, roll, width, height)


def _found(view: Gray) -> list[Found]:
    """Upright faces of a view, each once, the surest first."""
    groups = _groups(_windows(view, SMALLEST, _GROWTH))
    looks = [_second_look(view, group.mean(0)) for group in groups if len(group) >= _AGREEING]
    kept: list[Found] = []
    for frame, score in sorted(looks, key=lambda look: -look[1]):
        apart = (
            math.hypot(frame.x - o.x, frame.y - o.y) > max(frame.side, o.side) / 2 for o, _ in kept
        )
        if score >= (_CERTAIN if kept else _LIKELY) and all(apart):
            kept.append((frame, score))
    return kept


def _second_look(view: Gray, candidate: NDArray[np.float64]) -> Found:
    """A candidate (left, top, side) at a standard size, tilted and mirrored.

    A face stays one when it is tilted a little or mirrored; what only looks like one seldom does.
    """
    left, top, side = candidate
    box = Frame(left + (side - 1) / 2, top + (side - 1) / 2, side / _LOOK)
    agreeing = [np.empty((0, 3))]
    for tilt in _TILTS:
        look = replace(box, roll=tilt, width=2 * _LOOK, height=2 * _LOOK)
        seen = look.sample(view)
        for mirrored in (False, True):
            shown = np.ascontiguousarray(seen[:, ::-1]) if mirrored else seen
            windows = _windows(shown, round(0.65 * _LOOK), 1.05)
            centres = windows[:, :2] + (windows[:, 2:] - 1) / 2
            if mirrored:
                centres[:, 0] = 2 * _LOOK - 1 - centres[:, 0]
            near = np.abs(centres - (_LOOK - 0.5)).max(1, initial=0) < 0.19 * _LOOK
            sides = windows[near, 2:] * look.step
            agreeing.append(np.hstack([look.to_photo(centres[near]), sides]))
    windows = np.concatenate(agreeing)
    if not len(windows):
        return box, 0
    x, y, side = (float(mean) for mean in windows.mean(0))
    return Frame(x, y - _CROP_UP * side, _CROP_SIDE * side / IMAGE_SIZE), len(windows)


def _windows(view: Gray, smallest: int, growth: float) -> NDArray[np.float64]:
    """[n, 3] left, top and side of every window in which the cascade sees a face, sorted."""
    raw = _cascade().detect_multi_scale(
        view,
        scale_factor=growth,
        step_ratio=1.0,
        min_size=(smallest, smallest),
        max_size=(min(view.shape), min(view.shape)),
        min_neighbor_number=0,
        intersection_score_threshold=2.0,  # beyond 1: no merging, whose result hangs on threads
    )
    return np.array(sorted((w["c"], w["r"], w["width"]) for w in raw), np.float64).reshape(-1, 3)


def _groups(windows: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Windows that overlap by half of their union, and whoever overlaps with those, together."""
    if not len(windows):
        return []
    start, side = windows[:, :2, None], windows[:, 2]
    end = start + side[:, None, None]
    shared = np.minimum(end, end.T) - np.maximum(start, start.T)
    both = np.prod(np.clip(shared, 0, None), axis=1)
    union = np.add.outer(side**2, side**2) - both
    count, label = connected_components(both > union / 2)
    return [windows[label == group] for group in range(int(count))]


@cache
def _cascade() -> Any:
    from skimage import data
    from skimage.feature import Cascade

    return Cascade(data.lbp_frontal_face_cascade_filename())
