"""Faces: images, keypoints, and where each came from, in one immutable table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import IMAGE_SIZE, KEYPOINTS
from fkd_core.sources import SOURCES, Pipeline


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
    """[N], index into SOURCES: who labelled the face."""
    group: NDArray[np.uint64]
    """[N], equal for images that must stay on one side of a split; depends on pixels alone."""
    row: NDArray[np.int32]
    """[N], data row in training.csv, 1-based, and the face's name in messages; rows of further
    sources' files continue the count."""

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
        """[N] True for the faces of the pipeline's sources."""
        taught = [place for place, name in enumerate(SOURCES) if name in pipeline.sources]
        return np.isin(self.source, taught)

    def labelled(self, pipeline: Pipeline) -> NDArray[np.bool_]:
        """[N] True for the faces a pipeline learns from: those of its sources that give at least
        one of the keypoints it teaches."""
        return np.asarray(np.isfinite(self.targets(pipeline)).all(axis=2).any(axis=-1))

    def targets(self, pipeline: Pipeline) -> NDArray[np.float32]:
        """[N, p, 2] what the pipeline teaches of each face: see ``Pipeline.targets``."""
        return pipeline.targets(self.points, self.source)

    @cached_property
    def pictures(self) -> str:
        """SHA-256 (hex) over the images alone: equal also where labels were corrected."""
        return hashlib.sha256(np.ascontiguousarray(self.images).data).hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over every array: equal only for equal faces in equal order."""
        digest = hashlib.sha256()
        for array in (self.images, self.points, self.source, self.group, self.row):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
