"""Detectors that are installed by hand, to be measured beside the product's own."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from fkd_core.errors import UserError
from fkd_core.photos.detector import Found, Gray
from fkd_core.photos.frames import Frame, placing

Look = Callable[[Gray], list[Found]]
EYES = ((66.0, 37.5), (30.0, 37.5))
"""Where a frame has the left and the right eye."""


def others(which: str | Path) -> dict[str, Look]:
    """mtcnn, or OpenCV's YuNet with the weights of this file, at their own limits: as it is, and
    with the picture turned by steps of 30 degrees, where the surest reading of a place stays.
    Raises UserError where it is not there."""
    answers, name = (_mtcnn(), "mtcnn") if which == "mtcnn" else (_yunet(Path(which)), "YuNet")

    def look(picture: Gray) -> list[Found]:
        shown = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
        return [(placing(eyes, EYES), float(sure)) for *eyes, sure in answers(shown)]

    def turned(picture: Gray) -> list[Found]:
        tall, wide = picture.shape
        found: list[Found] = []
        for turn in range(0, 360, 30):
            cos, sin = (abs(f(math.radians(turn))) for f in (math.cos, math.sin))
            sides = round(wide * cos + tall * sin), round(wide * sin + tall * cos)
            view = Frame((wide - 1) / 2, (tall - 1) / 2, 1, turn, *sides)
            found += [(face.seen_from(view), sure) for face, sure in look(view.sample(picture))]
        kept: list[Found] = []
        for face, sure in sorted(found, key=lambda each: -each[1]):
            near = (
                math.hypot(face.x - o.x, face.y - o.y) / max(face.side, o.side) for o, _ in kept
            )
            if all(share > 0.5 for share in near):
                kept.append((face, sure))
        return kept

    return {name: look, f"{name}, turned": turned}


def _mtcnn() -> Callable[[Gray], Any]:
    """Left eye, right eye and how sure; what it calls left is on the picture's left."""
    try:
        net = importlib.import_module("mtcnn").MTCNN()
    except ImportError as error:
        raise UserError(
            f"--beside: mtcnn cannot be used ({error}); pip install --no-deps mtcnn joblib lz4"
        ) from error
    return lambda shown: [
        (face["keypoints"]["right_eye"], face["keypoints"]["left_eye"], face["confidence"])
        for face in net.detect_faces(shown)
    ]


def _yunet(weights: Path) -> Callable[[Gray], Any]:
    """The same of YuNet."""
    if not weights.is_file():
        raise UserError(f"--beside: there is no file {weights}; give mtcnn, or YuNet's weights")
    net = cv2.FaceDetectorYN.create(str(weights), "", (320, 320))

    def answers(shown: Gray) -> Any:
        net.setInputSize(shown.shape[1::-1])
        faces = net.detect(shown)[1]
        return [(face[6:8], face[4:6], face[14]) for face in ([] if faces is None else faces)]

    return answers
