"""From labelled rows as read to clean Faces: sources, corrections, merged copies, groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.archive import TRAINING
from fkd_core.data.corrections import Corrections, apply_corrections
from fkd_core.data.faces import Faces
from fkd_core.data.grouping import LARGEST_CLUSTER, digests, group_images
from fkd_core.data.in_pixels import check_faces
from fkd_core.data.plausible import plausible, shows_something
from fkd_core.errors import UserError
from fkd_core.sources import SOURCES, recognised


def clean(
    images: NDArray[np.uint8],
    points: NDArray[np.float32],
    bad_rows: Sequence[int] = (),
    corrections: Corrections | None = None,
    told: NDArray[np.int8] | None = None,
) -> tuple[Faces, tuple[str, ...]]:
    """Clean faces from images [N, 96, 96] and points [N, 15, 2]; sentences on what changed.

    In this order: what cannot be labels and half labels (x without y) are taken away, `bad_rows`
    (data rows from 1) and pictures of one colour dropped, sources recognised, corrections
    applied, copies merged within a source, and images grouped.
    Rows with any number of labels are kept, NaN for what is missing. `told` [N] are indices into
    SOURCES of rows from that source's own file, else -1. Raises UserError where labels cannot be
    faces in pixels, and where none is left.
    """
    points, notes = _labels(points, told)
    row = np.arange(1, len(images) + 1, dtype=np.int32)
    good = ~np.isin(row, bad_rows)
    if not good.all():
        images, points, row = images[good], points[good], row[good]
        notes.append(f"Dropped {(~good).sum()} rows known to hold no usable face.")
    seen = shows_something(images)
    if not seen.all():
        images, points, row = images[seen], points[seen], row[seen]
        good[good] = seen
        notes.append(f"Dropped {(~seen).sum()} pictures of one colour, which show no face.")
        if not len(images):
            raise UserError("all training pictures are of one colour; nothing can be learned")
    source = sources(points)
    if told is not None:
        source = np.where(told[good] < 0, source, told[good])
    sha256 = digests(images)
    if corrections is not None:
        points, note = apply_corrections(corrections, points, source, sha256)
        notes.append(note)
    if not np.isfinite(points).any():
        why = f" ({notes[0].rstrip('.')})" if notes else ""
        raise UserError(f"{TRAINING} has no labels that can be learned from{why}")
    points, kept = merge_copies(points, source, sha256)
    if len(kept) < len(images):
        notes.append(
            f"Merged {len(images) - len(kept)} rows into earlier ones with equal pixels and the "
            "same annotator."
        )
        images, points, source = images[kept], points[kept], source[kept]
        row, sha256 = row[kept], sha256[kept]
    groups = group_images(images, sha256)
    faces = Faces(images, points, source, groups.group, row)
    return faces, (*notes, *_counts(faces, groups.clusters, groups.left_apart))


def _labels(
    points: NDArray[np.float32], told: NDArray[np.int8] | None
) -> tuple[NDArray[np.float32], list[str]]:
    """Points [N, 15, 2] without what cannot be labels, each file's looked at by itself; sentences.

    Raises UserError where a file's labels cannot be faces in pixels.
    """
    points, notes = points.copy(), []
    file_of = np.full(len(points), -1, np.int8) if told is None else told
    for file in np.unique(file_of):
        name = TRAINING if file < 0 else [*SOURCES.values()][file].file
        own, said = plausible(points[file_of == file])
        half = np.isnan(own).sum(axis=2) == 1
        if half.any():
            own[half] = np.nan
            said.append(f"Took away {half.sum()} labels that had only one of x and y.")
        notes += said if file < 0 else [f"{name}: {note}" for note in said]
        points[file_of == file], said = check_faces(own, name)
        notes += said
    return points, notes


def sources(points: NDArray[np.float32]) -> NDArray[np.int8]:
    """[N] index into SOURCES for points [N, 15, 2], each wholly given or wholly NaN."""
    return recognised(~np.isnan(points[..., 0]))


def merge_copies(
    points: NDArray[np.float32], source: NDArray[np.int8], sha256: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Labels [N, 15, 2] with copies averaged into the first, and the positions to keep, ascending.

    Copies have equal pixels and one source; missing labels take no part in a mean. Annotators
    are never mixed: their styles differ by pixels.
    """
    copies: dict[tuple[bytes, int], list[int]] = {}
    for position, digest in enumerate(sha256):
        copies.setdefault((digest.tobytes(), int(source[position])), []).append(position)
    points = points.copy()
    for positions in copies.values():
        if len(positions) > 1:
            same = points[positions].astype(np.float64)
            count = np.isfinite(same).sum(axis=0)
            total = np.nansum(same, axis=0)
            points[positions[0]] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return points, np.array(sorted(positions[0] for positions in copies.values()), np.intp)


def _counts(faces: Faces, clusters: int, left_apart: int) -> list[str]:
    labelled = np.isfinite(faces.points).any(axis=(1, 2))
    counts = np.bincount(faces.source[labelled], minlength=len(SOURCES))
    by_source = ", ".join(f"{n} {name}" for name, n in zip(SOURCES, counts, strict=True))
    without = "" if labelled.all() else f", {(~labelled).sum()} without labels"
    notes = [
        f"{len(faces)} faces: {by_source}{without}; "
        f"{len(np.unique(faces.group))} image groups, {clusters} of them near-duplicates."
    ]
    if left_apart:
        notes.append(
            f"Left {left_apart} pairs of like images apart, which would have made groups of over "
            f"{LARGEST_CLUSTER}."
        )
    return notes
