"""Two ensembles on equal faces of set final: by how much one errs less than the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.kaggle import Competition
from fkd_core.ensemble.said import Said
from fkd_core.ensemble.submission import requested
from fkd_core.evidence import Estimate, Pool, difference
from fkd_core.keypoints import KEYPOINTS
from fkd_core.sources import SOURCES

APART = "The ensembles are not compared face by face: "
FEW = f"{APART}they have hardly a face of set final in common."


@dataclass(frozen=True)
class Beside:
    """RMSE of one ensemble minus that of another, px, both scored on the same labels; negative
    where the first errs less."""

    whole: Estimate
    """Over annotators, weighted as the competition does."""
    sources: Mapping[str, Estimate]
    """On each annotator's faces alone."""
    keypoints: Mapping[str, Mapping[str, Estimate]]
    """The same of each keypoint, by annotator and name."""
    faces: Mapping[str, int]
    """How many of set final both answered, by annotator."""


def silent(runs: Mapping[str, Mapping[str, Said]]) -> str:
    """Which of these runs kept no answers to compare, in a sentence; empty where all did."""
    for name, answers in runs.items():
        if not answers:
            return (
                f"{APART}{name} kept no answers; the command that built it does, without training "
                "anew."
            )
    return ""


def beside(
    one: Mapping[str, Said], other: Mapping[str, Said], competition: Competition
) -> Beside | None:
    """The first against the second, whose answers are of the competition's own pictures. None
    where they answered fewer than two image groups of set final in common."""
    truth, arms, keypoints = {}, {}, {}
    for source in (name for name in SOURCES if name in one and name in other):
        at, mine, theirs = _common(one[source], other[source], competition)
        labels = competition.training.points[at][:, list(SOURCES[source].keypoints)]
        group = competition.training.group[at]
        if len(np.unique(group[np.isfinite(labels).any(axis=(1, 2))])) < 2:
            continue
        truth[source] = labels
        arms[source] = [Pool.of_points(points, labels, group) for points in (mine, theirs)]
        keypoints[source] = _by_keypoint(source, mine, theirs, labels, group)
    if not arms:
        return None
    weights = requested(competition.lookup, truth)
    first, second = (
        [replace(pair[arm], weight=weights[source]) for source, pair in arms.items()]
        for arm in (0, 1)
    )
    return Beside(
        difference(first, second),
        {source: difference(pair[:1], pair[1:]) for source, pair in arms.items()},
        keypoints,
        {source: len(labels) for source, labels in truth.items()},
    )


def _common(
    one: Said, other: Said, competition: Competition
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
    """Positions [n] of the faces of set final that both answered, and both answers [n, p, 2]."""
    rows = np.intersect1d(one.row[one.final], other.row[other.final])
    rows = np.intersect1d(rows, competition.training.row)
    at, mine, theirs = (
        np.intersect1d(rows, each, return_indices=True)[2]
        for each in (competition.training.row, one.row, other.row)
    )
    return at, one.points[mine], other.points[theirs]


def _by_keypoint(
    source: str,
    mine: NDArray[np.float32],
    theirs: NDArray[np.float32],
    labels: NDArray[np.float32],
    group: NDArray[np.uint64],
) -> dict[str, Estimate]:
    found = {}
    for place, k in enumerate(SOURCES[source].keypoints):
        kept = np.isfinite(labels[:, place]).all(axis=1)
        if len(np.unique(group[kept])) < 2:
            continue
        own = labels[kept, place, None]
        pools = [
            Pool.of_points(points[kept, place, None], own, group[kept])
            for points in (mine, theirs)
        ]
        found[KEYPOINTS[k]] = difference(pools[:1], pools[1:])
    return found
