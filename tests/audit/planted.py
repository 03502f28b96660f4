"""Faces of the demo's annotators with planted mistakes, and made-up models' opinions of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fkd_core.data.demo.labels import WRONG, complete_labels, mistaken, partial_labels
from fkd_core.data.demo.shape import sample_head
from fkd_core.data.faces import Faces
from fkd_core.ensemble.table import Table
from fkd_core.sources import PIPELINES, SOURCES

MEMBERS = 3


@dataclass(frozen=True, eq=False)
class Planted:
    """Faces of one source, with noise for pictures."""

    faces: Faces
    table: Table
    wrong: dict[int, str]
    """Position to the kind of mistake, of WRONG or a kind of this module."""


def planted(source: str, n: int = 500, each: int = 2, seed: int = 0) -> Planted:
    """`each` faces of every kind of mistake among n; models err by about 1.3 px a coordinate."""
    rng = np.random.default_rng(seed)
    keypoints = list(PIPELINES[source].keypoints)
    mark = complete_labels if source == "complete" else partial_labels
    heads = [sample_head(rng, loose=source == "partial") for _ in range(n)]
    meant = np.stack([mark(head, rng) for head in heads])
    labels = meant.copy()
    kinds = [*WRONG, "labels_of_the_next_row", "picture_of_nothing"]
    wrong = {10 * (1 + k): kinds[k % len(kinds)] for k in range(each * len(kinds))}
    own = meant[:, keypoints] + rng.normal(0, 0.9, (n, len(keypoints), 2))
    own = own + rng.normal(0, 1.0, (MEMBERS, n, len(keypoints), 2))
    for row, kind in wrong.items():
        if kind == "labels_of_the_next_row":
            labels[row] = meant[row + 1]
        elif kind == "picture_of_nothing":
            noise = rng.normal(0, 6.0, (MEMBERS, len(keypoints), 2))
            own[:, row] = meant[:, keypoints].mean(axis=0) + noise
        else:
            far = np.abs(meant - meant[row]).mean(axis=(1, 2), where=np.isfinite(meant[row]))
            other = meant[np.argsort(far)[3 * n // 4]]
            labels[row] = mistaken(meant[row], kind, other, rng)
    faces = Faces(
        images=rng.integers(0, 256, (n, 96, 96)).astype(np.uint8),
        points=labels.astype(np.float32),
        source=np.full(n, list(SOURCES).index(source), np.int8),
        group=np.arange(n, dtype=np.uint64),
        row=np.arange(1, n + 1, dtype=np.int32),
    )
    predicted = own.astype(np.float32)
    nothing = np.empty((n, 0))
    table = Table(
        pipeline=source,
        members=("a", "b", "c"),
        index=np.arange(n),
        group=faces.group,
        fold=np.tile(np.arange(n) % 5, (MEMBERS, 1)),
        truth=faces.targets(PIPELINES[source]),
        plain=predicted,
        own=predicted,
        by_part=predicted[None, :, :0],
        other=nothing,
        test_other=nothing[:0],
    )
    return Planted(faces, table, wrong)
