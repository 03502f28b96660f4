"""The two pictures of a trial: how its fits learned, and the faces they got most wrong.

Drawn by OpenCV, as predict.py draws: a search makes them between two fits, in hundredths of a
second.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.fitting.result import FitResult
from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.photos.overlay import colour_of, draw_dot, draw_line
from fkd_core.photos.reading import Colour
from fkd_core.sources import SOURCES

WORST = 10
"""How many faces are shown."""

# Okabe and Ito's palette without its yellow, told apart by colour-blind readers; blue, green, red.
_HUES = (
    (178, 114, 0), (0, 94, 213), (115, 158, 0), (167, 121, 204), (0, 159, 230), (233, 180, 86),
    (60, 60, 60),
)  # fmt: skip
_INK, _FAINT, _EDGE = (36, 33, 32), (226, 226, 226), (170, 170, 170)
_RIM, _WHITE = (30, 30, 30), (255, 255, 255)
_WIDTH = 960  # pixels of either picture; the dashboard's note is about as wide
_LEFT, _RIGHT, _TOP, _BOTTOM, _TALL = 60, 690, 62, 430, 490  # the curves' frame and picture
_LISTED = 14  # curves that the legend has room for
_TILE, _GAP, _ROW = 176, 12, 5  # pixels of a face and around it, faces a row

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Curve:
    """One fit's way; RMSE in pixels, one an epoch, NaN where not looked at."""

    name: str
    held_out: Sequence[float] | NDArray[Any]
    train: Sequence[float] | NDArray[Any] = ()


def learning_curves(title: str, curves: Sequence[Curve]) -> Colour | None:
    """RMSE by epoch on a logarithmic axis: on held-out faces strong, while training thin.

    None where there is nothing to show.
    """
    lines = [(_measured(c.held_out), _measured(c.train)) for c in curves]
    points = np.concatenate([np.zeros((0, 2)), *(line for both in lines for line in both)])
    if not len(points):
        return None
    picture = np.full((_TALL, _WIDTH, 3), 255, np.uint8)
    last = max(2.0, points[:, 0].max())
    low, high = np.log(points[:, 1].min() / 1.06), np.log(points[:, 1].max() * 1.06)

    def place(epoch: float, rmse: float) -> Point:
        x = _LEFT + 8 + (_RIGHT - _LEFT - 16) * (epoch - 1) / (last - 1)
        return x, _BOTTOM - (_BOTTOM - _TOP) * (math.log(rmse) - low) / (high - low)

    for rmse in _log_ticks(math.exp(low), math.exp(high)):
        y = place(1, rmse)[1]
        draw_line(picture, [(_LEFT, y), (_RIGHT, y)], _FAINT, 1)
        _text(picture, f"{rmse:g}", (_LEFT - 8, y + 5), anchor=1.0)
    for epoch in _epoch_ticks(int(last)):
        x = place(epoch, 1)[0]
        draw_line(picture, [(x, _BOTTOM), (x, _BOTTOM + 5)], _INK, 1)
        _text(picture, str(epoch), (x, _BOTTOM + 22), anchor=0.5)
    draw_line(picture, [(_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], _INK, 1)
    _text(picture, "epoch", ((_LEFT + _RIGHT) / 2, _BOTTOM + 44), anchor=0.5)
    _text(picture, title, (16, 28), 18, weight=600)
    _text(picture, "RMSE, px", (16, 50))
    for number, (held_out, train) in reversed(list(enumerate(lines))):
        hue = _HUES[number % len(_HUES)]
        pale = tuple((channel + 255) // 2 for channel in hue)
        draw_line(picture, [place(*at) for at in train], pale, 1)
        draw_line(picture, [place(*at) for at in held_out], hue, 2)
        for at in held_out:
            draw_dot(picture, place(*at), 3.5, hue)
    x, y = _RIGHT + 24, _TOP + 10
    for number, curve in enumerate(curves[:_LISTED]):
        hue = _HUES[number % len(_HUES)]
        draw_line(picture, [(x, y - 5), (x + 26, y - 5)], hue, 2)
        draw_dot(picture, (x + 13, y - 5), 3.5, hue)
        _text(picture, curve.name, (x + 34, y))
        y += 22
    more = f"and {len(curves) - _LISTED} more; " if len(curves) > _LISTED else ""
    _text(picture, f"{more}strong: held-out faces,", (x, y + 10), 13)
    _text(picture, "thin: training faces", (x, y + 28), 13)
    return picture


def worst_faces(title: str, faces: Faces, results: Sequence[FitResult]) -> Colour | None:
    """The held-out faces with the largest RMSE, each once, as the fit that erred most saw it.

    None without results. A dot is a prediction, in predict.py's colours; the line leads to the
    white dot of its label.
    """
    found = []
    for result in results:
        labels = 2 * result.labelled.sum(axis=1)
        rmse = np.where(labels, np.sqrt(result.squared.sum(axis=1) / np.maximum(labels, 1)), -1.0)
        found += [(float(rmse[at]), result, int(at)) for at in np.argsort(-rmse)[:WORST]]
    worst: dict[int, tuple[float, FitResult, int]] = {}
    for one in sorted(found, key=lambda one: -one[0]):
        worst.setdefault(int(one[1].row[one[2]]), one)
    shown = list(worst.items())[:WORST]
    if not shown:
        return None
    tall = _TILE + 34
    picture = np.full((66 + math.ceil(len(shown) / _ROW) * tall, _WIDTH, 3), 255, np.uint8)
    _text(picture, title, (16, 28), 18, weight=600)
    _legend(picture, {k for _, (_, result, _) in shown for k in result.spec.taught.keypoints})
    for number, (row, (error, result, at)) in enumerate(shown):
        left, top = 16 + number % _ROW * (_TILE + _GAP), 66 + number // _ROW * tall
        picture[top : top + _TILE, left : left + _TILE] = _tile(faces, result, at)
        _text(picture, f"{error:.2f} px", (left, top + _TILE + 18), weight=600)
        _text(picture, f"row {row}", (left + _TILE, top + _TILE + 18), 13, anchor=1.0)
    return picture


def png(picture: Colour) -> bytes:
    """The picture as a PNG file."""
    content = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1]
    return bytes(content.tobytes())


def _tile(faces: Faces, result: FitResult, at: int) -> Colour:
    """One held-out face, enlarged, with its labels and predictions."""
    position = int(np.flatnonzero(faces.row == result.row[at])[0])
    gray = cv2.resize(faces.images[position], (_TILE, _TILE), interpolation=cv2.INTER_LINEAR)
    tile = np.ascontiguousarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))
    taught = result.spec.taught
    own = taught.of([*SOURCES][faces.source[position]])  # a joint fit speaks in all styles
    keypoints = [taught.keypoints[column] for column in own]
    points = np.stack([faces.points[position][keypoints], result.predictions[at, own]])
    of_tile = (points + 0.5) * (_TILE / IMAGE_SIZE) - 0.5
    for keypoint, known, label, predicted in zip(
        keypoints, result.labelled[at, own], *of_tile, strict=True
    ):
        if known:
            for colour, thick in ((_RIM, 4), (colour_of(keypoint), 2)):
                draw_line(tile, [label, predicted], colour, thick)
        _prediction(tile, predicted, keypoint)
        if known:
            _label(tile, label)
    cv2.rectangle(tile, (0, 0), (_TILE - 1, _TILE - 1), _EDGE)
    return tile


def _prediction(picture: Colour, at: Any, keypoint: int) -> None:
    for colour, radius in ((_RIM, 4.7), (colour_of(keypoint), 3.6)):
        draw_dot(picture, at, radius, colour)


def _label(picture: Colour, at: Any) -> None:
    for colour, radius in ((_RIM, 3.0), (_WHITE, 2.0)):
        draw_dot(picture, at, radius, colour)


def _legend(picture: Colour, keypoints: Collection[int]) -> None:
    _label(picture, (22, 45))
    x = _text(picture, "labelled", (32, 50)) + 22
    x = _text(picture, "predicted:", (x, 50)) + 16
    for part, keypoint in (("eyes", 0), ("brows", 6), ("nose", 10), ("mouth", 14)):
        if keypoint in keypoints:
            _prediction(picture, (x, 45), keypoint)
            x = _text(picture, part, (x + 10, 50)) + 20
    _text(picture, "RMSE of the face, row of training.csv", (_WIDTH - 16, 50), 13, anchor=1.0)


def _measured(rmse: Sequence[float] | NDArray[Any]) -> NDArray[np.float64]:
    """[k, 2] epochs from 1 and RMSE, where it can be drawn on a logarithmic axis."""
    values = np.asarray(rmse, np.float64)
    known = np.isfinite(values) & (values > 0)
    return np.stack([np.flatnonzero(known) + 1.0, values[known]], axis=1)


def _log_ticks(low: float, high: float) -> list[float]:
    """Round numbers between these, few but at least four where so many are to be had."""
    ticks: list[float] = []
    for steps in ([10], [10, 20, 50], range(10, 100, 10), range(10, 100, 2), range(100, 1000)):
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        unit = 100 if steps[0] == 100 else 10
        ticks = [step / unit * 10.0**power for power in powers for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 4:
            break
    return ticks[:: math.ceil(len(ticks) / 9) or 1]


def _epoch_ticks(last: int) -> list[int]:
    """Epoch 1 and round ones after it, at most eleven."""
    step = next(s * 10**k for k in range(9) for s in (1, 2, 5) if last <= 10 * s * 10**k)
    return sorted({1, *range(step, last + 1, step)} - ({2} if step == 2 else set()))


@cache
def _font() -> Any:
    return cv2.FontFace("sans")


def _text(
    picture: Colour,
    text: str,
    at: Point,
    size: int = 14,
    anchor: float = 0.0,
    weight: int = 400,
) -> float:
    """Writes at a baseline of which `at` is the share `anchor`; gives the right end's x."""
    wide = cv2.getTextSize((0, 0), text, (0, 0), _font(), size, weight)[2]
    left = at[0] - anchor * wide
    cv2.putText(picture, text, (round(left), round(at[1])), _INK, _font(), size, weight)
    return float(left + wide)
