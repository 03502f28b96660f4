"""Annotation sources and pipelines as data: who marks what, and what a fit is taught.

A source is one annotator (or one set of photographs that were annotated alike); a pipeline teaches
one source or several side by side. Both stand in a table, and nothing else in the package names
them: another source is one `add` and, where its faces lie in a file of their own, a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import KEYPOINTS, MIRROR

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Source:
    """One style of annotation."""

    name: str
    keypoints: tuple[int, ...]
    """What it marks, as indices into KEYPOINTS, rising."""
    recognises: Callable[[Mask], Mask]
    """From [N, 15], which keypoints a row gives or a test image is asked for, to [N] whether that
    is this source's. Where several sources say so, the last of the table is right."""
    places: tuple[tuple[int, float, float], ...] = ()
    """(keypoint, x, y): where its average face has what photos are cropped by, px; without any,
    photos are cropped as they are found."""
    file: str = ""
    """Name of the CSV file beside training.csv that holds its faces; without one they are rows of
    training.csv, told by `recognises`."""
    read: Callable[[Any], tuple[NDArray[np.uint8], NDArray[np.float32]]] | None = None
    """Reads that file (a ``data.archive.Stored``): images [n, 96, 96] and points [n, 15, 2] px,
    NaN for what the source does not mark. Raises UserError for what is wrong in it."""

    def __post_init__(self) -> None:
        if bool(self.file) != (self.read is not None):
            raise ValueError(f"{self.name}: a file needs a reader, and a reader a file")


def within(*keypoints: int) -> Callable[[Mask], Mask]:
    """Recognises rows with some of these keypoints and no other."""
    others = [k for k in range(len(KEYPOINTS)) if k not in keypoints]

    def recognises(given: Mask) -> Mask:
        return np.asarray(given.any(axis=1) & ~given[:, others].any(axis=1))

    return recognises


def _anything(given: Mask) -> Mask:
    return np.ones(len(given), np.bool_)


@dataclass(frozen=True)
class Pipeline:
    """What a fit is taught and predicts: the keypoints of one source, or of several sources side
    by side."""

    name: str
    columns: tuple[tuple[str, int], ...]
    """p pairs (source, index into KEYPOINTS), source by source: the points that are predicted."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources whose faces are learned from."""
        return tuple(dict.fromkeys(source for source, _ in self.columns))

    @property
    def keypoints(self) -> tuple[int, ...]:
        """[p] indices into KEYPOINTS; one that several sources mark is there several times."""
        return tuple(keypoint for _, keypoint in self.columns)

    @property
    def outputs(self) -> int:
        """Number of predicted coordinates: 30, 8, or 38 for both."""
        return 2 * len(self.columns)

    @property
    def mirror(self) -> tuple[int, ...]:
        """[p] the column of each one's partner across the face, in the same source's style.

        Raises ValueError where a partner is not taught.
        """
        return tuple(self.columns.index((s, MIRROR[keypoint])) for s, keypoint in self.columns)

    def of(self, source: str) -> list[int]:
        """The columns that are in a source's style."""
        return [place for place, (own, _) in enumerate(self.columns) if own == source]

    def only(self, keypoints: Collection[int]) -> Pipeline:
        """The same, cut down to some keypoints."""
        return replace(self, columns=tuple(c for c in self.columns if c[1] in keypoints))

    def targets(
        self, points: NDArray[np.float32], source: NDArray[np.integer]
    ) -> NDArray[np.float32]:
        """[n, p, 2] from labels [n, 15, 2] and sources [n] (indices into SOURCES): NaN where the
        face's source does not mark the column, or a coordinate of it is missing."""
        index = [list(SOURCES).index(name) for name, _ in self.columns]
        own = points[:, list(self.keypoints)]
        known = np.isfinite(own).all(axis=2) & (np.asarray(source)[:, None] == index)
        return np.where(known[..., None], own, np.float32("nan"))


SOURCES: dict[str, Source] = {}
"""Name to source. The place in this table is what ``Faces.source`` holds, so it is not changed."""

PIPELINES: dict[str, Pipeline] = {}
"""Name to pipeline: a specialist for each source, and ``joint``, which teaches them all."""

JOINT = "joint"
"""Name of the pipeline that teaches all sources at once."""


def teaching(name: str, *sources: Source) -> Pipeline:
    """A pipeline that teaches these sources side by side."""
    return Pipeline(name, tuple((s.name, keypoint) for s in sources for keypoint in s.keypoints))


def add(source: Source) -> Pipeline:
    """Puts a source at the end of the table, and gives its specialist's pipeline; the joint one
    teaches it too."""
    SOURCES[source.name] = source
    PIPELINES.pop(JOINT, None)
    PIPELINES[source.name] = teaching(source.name, source)
    PIPELINES[JOINT] = teaching(JOINT, *SOURCES.values())
    return PIPELINES[source.name]


def recognised(given: Mask, among: Collection[str] | None = None) -> NDArray[np.int8]:
    """[N] indices into SOURCES of who marks such rows, or answers such requests: see
    ``Source.recognises``. Only sources `among` these are asked; -1 where none says so."""
    found = np.full(len(given), -1, np.int8)
    for place, source in enumerate(SOURCES.values()):
        if among is None or source.name in among:
            found[source.recognises(given)] = place
    return found


_EYES_AND_LIP = tuple(
    KEYPOINTS.index(name)
    for name in ("left_eye_center", "right_eye_center", "mouth_center_bottom_lip")
)


def _placed(*places: tuple[float, float]) -> tuple[tuple[int, float, float], ...]:
    """Mean places of the eyes' centres and the bottom lip in the competition's training faces."""
    return tuple((k, x, y) for k, (x, y) in zip(_EYES_AND_LIP, places, strict=True))


_FOUR = tuple(
    KEYPOINTS.index(name)
    for name in ("left_eye_center", "right_eye_center", "nose_tip", "mouth_center_bottom_lip")
)

COMPLETE = add(
    Source(
        "complete",
        tuple(range(len(KEYPOINTS))),
        # Also a row without any label: nothing speaks for anybody else, and a face without
        # labels trains and scores nothing.
        _anything,
        _placed((66.1, 36.9), (29.7, 37.1), (48.0, 82.4)),
    )
)
"""All 15 points, as the first annotator labelled them."""

PARTIAL = add(
    Source("partial", _FOUR, within(*_FOUR), _placed((66.5, 38.0), (30.6, 38.4), (48.8, 77.3)))
)
"""The 4 points of the second annotator: eye centres, nose tip, bottom lip."""

SPECIALISTS = (COMPLETE.name, PARTIAL.name)
"""The competition's two sources, each taught by itself."""
