"""The detector: where a photo has faces, turned or not, as frames like the training crops."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.photos.blazeface import POINTS, BlazeFace, far, near
from fkd_core.photos.frames import Frame, placing

Gray = NDArray[np.uint8]
Found = tuple[Frame, float]
"""A square frame around a face, turned as the face is, and how sure it is: 0 to 1."""

SMALLEST = 24
"""Side in pixels of the smallest photo that is searched."""
SURE = 0.75
"""How sure a face must be, unless said otherwise."""

# Measured on 584 training faces: where the network's eyes and mouth lie in their frames, with a
# standard deviation of 4 pixels.
_PLACES = ((30.2, 38.8), (65.2, 38.8), (47.7, 75.8))
_PLACED = [POINTS.index(name) for name in ("right_eye", "left_eye", "mouth")]

_TURNS = (0.0, 90.0, 180.0, 270.0)
"""Degrees a photo is turned by; the networks bear 45 either way."""
_SIDES = (((128, 256), False), ((512,), False), ((1408,), True))
"""Pixels of a photo's longest side when it is searched, as far as it is large enough; and whether
the first turn with something sure ends the search at this size."""
_ENLARGED = 1.7  # times at most
_OVERLAP = 96  # pixels that neighbouring squares share, the largest face that one of them may cut
_WORTH = 0.4  # what makes a place worth a second look
_AGREE = 0.043
"""How far apart, in widths of the face, looks at one face may place its points (rms)."""
_LOOKS = ((0.45, 0.0, False), (0.45, 0.0, True), (0.35, 10.0, False), (0.55, -10.0, True))
"""Of the second look: share of its square that the face fills, tilt in degrees, and whether it is
mirrored."""


@dataclass(frozen=True, eq=False)
class _Candidate:
    """What one look found."""

    score: float
    frame: Frame
    turn: float


def find(photo: Gray, sure: float = SURE) -> list[Found]:
    """The faces of a gray photo, largest first; none in one that is below 24 pixels.

    Squares of the photo name candidates: the whole of it first, upright and at quarter turns, then
    at larger sizes, where smaller faces are seen, at the turns at which something sure was found
    so far; as long as nothing was, at all of them. Each place is looked at again, upright as its
    own points say, larger and smaller, tilted and mirrored; the mean says how sure it is, nothing
    where they place its points apart, and the surest reading of a place stays. Raises UserError
    where the network's weights are not installed.
    """
    if min(photo.shape) < SMALLEST:
        return []
    enough = max(sure, SURE)  # a lower limit finds more, and so must not search less
    looks: list[_Candidate] = []
    for sides, one_turn in _SIDES:
        fits = {min(side, round(_ENLARGED * max(photo.shape))) for side in sides}
        sure_at = {look.turn for look in looks if look.score >= enough}
        for turn in sorted(sure_at) or _TURNS:
            found = [c for side in sorted(fits) for c in _candidates(photo, turn, side)]
            looks += _looked_at(photo, found)
            if one_turn and any(look.score >= enough for look in looks if look.turn == turn):
                break
        if max(fits) < max(sides):
            break
    kept: list[Found] = []
    for look in sorted(looks, key=lambda look: -look.score):
        if look.score >= sure and all(_apart(look.frame, other) for other, _ in kept):
            kept.append((look.frame, look.score))
    return sorted(kept, key=lambda face: -face[0].side)


def _candidates(photo: Gray, turn: float, longest: int) -> Iterator[_Candidate]:
    """What squares of the photo show, turned by so many degrees and at this size."""
    net = far()
    view = _overview(photo, turn, longest)
    shown = view.sample(photo)
    for top in _starts(view.height, net.side):
        for left in _starts(view.width, net.side):
            square = _square(shown, left, top, net.side)
            for score, frame in _faces(net, square):
                x, y = frame.x + left, frame.y + top
                moved = Frame(x, y, frame.step, frame.roll)
                yield _Candidate(score, moved.seen_from(view), turn)


def _starts(length: int, side: int) -> list[int]:
    """Where squares begin that cover a length, overlapping; one that is shorter lies in the
    middle of its square."""
    if length <= side:
        return [(length - side) // 2]
    count = math.ceil((length - side) / (side - _OVERLAP)) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]


def _square(shown: Gray, left: int, top: int, side: int) -> Gray:
    """A square of a picture; beyond its border the edge repeats."""
    y = np.clip(np.arange(top, top + side), 0, shown.shape[0] - 1)
    x = np.clip(np.arange(left, left + side), 0, shown.shape[1] - 1)
    return shown[y[:, None], x]


def _faces(net: BlazeFace, square: Gray) -> list[tuple[float, Frame]]:
    """Faces of a square, each once, in its pixels."""
    scores, points = net.look(square)
    faces: list[tuple[float, Frame]] = []
    for answer in np.argsort(-scores)[:200]:
        if scores[answer] < _WORTH:
            break
        frame = placing(points[answer, _PLACED], _PLACES)
        if all(_apart(frame, other) for _, other in faces):
            faces.append((float(scores[answer]), frame))
    return faces


def _looked_at(photo: Gray, candidates: list[_Candidate]) -> list[_Candidate]:
    """The surest candidate of each place and turn, after a second look."""
    chosen: list[_Candidate] = []
    for candidate in sorted(candidates, key=lambda c: -c.score):
        if all(
            candidate.turn != other.turn or _apart(candidate.frame, other.frame)
            for other in chosen
        ):
            chosen.append(candidate)
    return [_second_look(photo, candidate) for candidate in chosen]


def _second_look(photo: Gray, candidate: _Candidate) -> _Candidate:
    net = near()
    scores, points = [], []
    for share, tilt, mirrored in _LOOKS:
        view = Frame(
            *(candidate.frame.x, candidate.frame.y, candidate.frame.side / (share * net.side)),
            *(candidate.frame.roll + tilt, net.side, net.side),
        )
        shown = view.sample(photo)
        seen, found = net.look(shown[:, ::-1] if mirrored else shown)
        own = found[:, _PLACED]
        if mirrored:
            own = own[:, [1, 0, 2]] * (-1, 1) + (net.side - 1, 0)
        middle = own.mean(axis=1) - (net.side - 1) / 2
        there = np.hypot(*middle.T) < share * net.side / 3
        best = int(np.argmax(np.where(there, seen, -1)))
        scores.append(float(seen[best]) if there[best] else 0.0)
        points.append(view.to_photo(own[best]))
        if len(scores) == 2 and np.mean(scores) < _WORTH:
            break
    refined = placing(np.mean(points, axis=0), _PLACES)
    apart = np.sqrt(np.var(points, axis=0).sum(-1).mean()) / refined.side
    score = float(np.mean(scores)) if apart < _AGREE else 0.0
    return _Candidate(score, refined, candidate.turn)


def _apart(one: Frame, other: Frame) -> bool:
    return math.hypot(one.x - other.x, one.y - other.y) > max(one.side, other.side) / 2


def _overview(photo: Gray, roll: float, longest: float) -> Frame:
    """All of the photo, turned by `roll` quarter turns, its longest side as so many pixels."""
    tall, wide = photo.shape
    step = max(tall, wide) / longest
    cos, sin = (abs(f(math.radians(roll))) for f in (math.cos, math.sin))
    width, height = (
        max(1, round(side / step)) for side in (wide * cos + tall * sin, wide * sin + tall * cos)
    )
    return Frame((wide - 1) / 2, (tall - 1) / 2, step, roll, width, height)
