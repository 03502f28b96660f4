"""The keypoints of every face in photos, in the photos' pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.photos.detector import SURE, Gray, find
from fkd_core.photos.frames import Frame, placing
from fkd_core.sources import Source

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Images [n, 96, 96] to points [n, p, 2] in their pixels."""
Spotted = list[tuple[Frame, float | None]]
"""Where the faces of one photo are, and how sure that is; None for a photo taken as a face."""


@dataclass(frozen=True)
class Face:
    """One face of a photo."""

    frame: Frame
    """The square that was shown to the predictor."""
    score: float | None
    """How sure the detector is, 0 to 1; None for a photo taken as a face."""
    points: NDArray[np.float64]
    """[p, 2] its keypoints, photo pixels."""


def spotted(photo: Gray, sure: float = SURE) -> Spotted:
    """Where a gray photo has faces, largest first.

    A photo of exactly 96 x 96 pixels is one face as it is, like the training faces. Any other is
    searched.
    """
    if photo.shape == (IMAGE_SIZE, IMAGE_SIZE):
        middle = (IMAGE_SIZE - 1) / 2
        return [(Frame(middle, middle, 1.0), None)]
    return [*find(photo, sure)]


def marked(
    photos: Sequence[Gray], spots: Sequence[Spotted], predict: Predict, source: Source
) -> list[list[Face]]:
    """The faces of gray photos that were spotted there, with the source's keypoints.

    Each face is predicted, cropped anew by its predicted eyes and mouth, and predicted again, so
    that what the predictor sees lies as its training faces do. The predictor is called twice,
    however many photos there are, for an ensemble's weights are read at every call.
    """
    found = [(n, frame, score) for n, own in enumerate(spots) for frame, score in own]
    faces: list[list[Face]] = [[] for _ in photos]
    if not found:
        return faces

    def predicted(frames: Sequence[Frame]) -> NDArray[np.float32]:
        crops = [f.sample(photos[n]) for (n, _, _), f in zip(found, frames, strict=True)]
        return predict(np.stack(crops))

    first = [frame for _, frame, _ in found]
    frames = [
        frame if score is None else aligned(frame, points, source)
        for (_, frame, score), points in zip(found, predicted(first), strict=True)
    ]
    for (number, _, score), frame, points in zip(found, frames, predicted(frames), strict=True):
        faces[number].append(Face(frame, score, frame.to_photo(points)))
    return faces


def aligned(frame: Frame, points: NDArray[np.float32], source: Source) -> Frame:
    """The frame in which the eyes and bottom lip of points [p, 2] lie at their mean places: see
    ``Source.places``.

    Where the new frame is not sane (below half the old one's size, above twice, or moved by over
    half of it) the points are not to be trusted, and the old one stays.
    """
    if not source.places:
        return frame
    own = points[[source.keypoints.index(k) for k, _, _ in source.places]]
    better = placing(own, [at for _, *at in source.places])
    middle = (IMAGE_SIZE - 1) / 2
    moved = math.hypot(better.x - middle, better.y - middle)
    sane = 0.5 <= better.step <= 2 and moved <= IMAGE_SIZE / 2
    return better.seen_from(frame) if sane else frame
