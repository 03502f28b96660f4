"""The picture that is drawn of a photo: its faces with their keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from fkd_core.files import whole_file
from fkd_core.keypoints import KEYPOINTS
from fkd_core.photos.faces import Face
from fkd_core.photos.frames import Frame
from fkd_core.photos.reading import Colour
from fkd_core.sources import Source

# Okabe and Ito's palette, told apart by colour-blind readers as well; blue, green, red.
_COLOURS = {
    "eyebrow": (0, 159, 230),
    "eye": (233, 180, 86),
    "nose": (115, 158, 0),
    "mouth": (167, 121, 204),
}
_BOX, _RIM = (66, 228, 240), (30, 30, 30)
_SIDES = (800, 1600)  # pixels of a picture's longest side
_SHIFT = 4  # bits behind the point of the coordinates that are drawn at
_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)  # OpenCV's own small ones are not


def drawn(photo: Colour, faces: Sequence[Face], source: Source) -> Colour:
    """The photo with each face's square, its number where there are several, and its keypoints.

    Eyes are blue, brows orange, the nose green, the mouth pink. Small photos are enlarged and
    large ones shrunk, so that the dots can be told apart and the file stays small.
    """
    tall, wide = photo.shape[:2]
    step = max(tall, wide) / float(np.clip(max(tall, wide), *_SIDES))
    size = (max(1, round(wide / step)), max(1, round(tall / step)))
    shown = Frame((wide - 1) / 2, (tall - 1) / 2, step, 0.0, *size)
    picture = np.ascontiguousarray(shown.sample(photo))
    for number, face in enumerate(faces, start=1):
        side = face.frame.side / step
        thick = max(1, round(side / 150))
        corners = shown.of_photo(face.frame.corners())
        for colour, width in ((_RIM, thick + 2), (_BOX, thick)):
            draw_line(picture, corners, colour, width, closed=True)
            if len(faces) > 1:
                at = np.round(corners[0] + (thick + 3, -thick - 4)).astype(int)
                at = np.clip(at, (2, 14), (size[0] - 14, size[1] - 4))
                scale = max(0.45, side / 250)
                text = (str(number), (int(at[0]), int(at[1])), cv2.FONT_HERSHEY_SIMPLEX)
                cv2.putText(picture, *text, scale, colour, width, cv2.LINE_AA)
        radius = max(2.0, side / 55)
        for keypoint, point in zip(source.keypoints, shown.of_photo(face.points), strict=True):
            for colour, reach in ((_RIM, radius * 1.35), (colour_of(keypoint), radius)):
                draw_dot(picture, point, reach, colour)
    return picture


def write_drawn(path: Path, picture: Colour) -> None:
    """Writes a PNG, whole or not at all."""
    content = cv2.imencode(".png", picture)[1]
    with whole_file(path) as aside:
        aside.write_bytes(content.tobytes())


def colour_of(keypoint: int) -> tuple[int, int, int]:
    """Blue, green, red of the part of the face it belongs to."""
    return next(colour for part, colour in _COLOURS.items() if part in KEYPOINTS[keypoint])


def draw_line(
    picture: Colour, points: ArrayLike, colour: Sequence[int], thick: int, closed: bool = False
) -> None:
    """Draws a line through points [k, 2] of a picture; nothing where there are none."""
    if len(path := _fixed(points)):
        cv2.polylines(picture, [path], closed, colour, thick, cv2.LINE_AA, _SHIFT)


def draw_dot(picture: Colour, at: ArrayLike, radius: float, colour: Sequence[int]) -> None:
    """Draws a dot about a point [2] of a picture."""
    outline = np.asarray(at, np.float64) + radius * _CIRCLE
    cv2.fillPoly(picture, [_fixed(outline)], colour, cv2.LINE_AA, _SHIFT)


def _fixed(points: ArrayLike) -> NDArray[np.int32]:
    """Coordinates as OpenCV takes them, with bits behind the point; far ones are brought near."""
    near = np.clip(np.asarray(points, np.float64), -30_000, 30_000)
    return np.asarray(np.round(near * 2**_SHIFT), np.int32)
