"""Faces: images, keypoints, and where each came from, in one immutable table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import IMAGE_SIZE, KEYPOINTS, PIPELINES, Pipeline

SOURCES: tuple[str, ...] = tuple(PIPELINES)
"""Annotators: 0 is the 15-point one (``complete``), 1 the 4-point one (``partial``)."""


@dataclass(frozen=True, eq=False)
class Faces:
    """N faces. Arrays are never written to; every method returns a new value.

    Raises ValueError where the shapes do not fit together.
    """

    images: NDArray[np.uint8]
    """[N, 96, 96], gray levels 0..255; may be memory-mapped."""
    points: NDArray[np.float32]
    """[N, 15, 2], (x, y) in pixels, NaN where unlabelled."""
    source: NDArray[np.int8]
    """[N], index into SOURCES: which annotator labelled the face."""
    group: NDArray[np.uint64]
    """[N], equal for images that must stay on one side of a split; depends on pixels alone."""
    row: NDArray[np.int32]
    """[N], data row in the file the face came from, 1-based; the face's name in messages."""

    def __post_init__(self) -> None:
        n = len(self.images)
        shapes = {
            "images": (n, IMAGE_SIZE, IMAGE_SIZE),
            "points": (n, len(KEYPOINTS), 2),
            "source": (n,),
            "group": (n,),
            "row": (n,),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, wanted {shape}")

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: NDArray[np.integer] | Sequence[int]) -> Faces:
        """The faces at these positions, in this order."""
        index = np.asarray(index, dtype=np.intp)
        return Faces(
            self.images[index],
            self.points[index],
            self.source[index],
            self.group[index],
            self.row[index],
        )

    def of_mask(self, pipeline: Pipeline) -> NDArray[np.bool_]:
        """[N] True for the faces a pipeline learns from: those its own annotator labelled."""
        return np.asarray(self.source == SOURCES.index(pipeline.name))

    def labelled(self, pipeline: Pipeline) -> NDArray[np.bool_]:
        """[N] True where at least one of the pipeline's keypoints is given."""
        points = self.points[:, list(pipeline.keypoints)]
        return np.asarray(np.isfinite(points).all(axis=2).any(axis=-1))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over every array: equal only for equal faces in equal order."""
        digest = hashlib.sha256()
        for array in (self.images, self.points, self.source, self.group, self.row):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
