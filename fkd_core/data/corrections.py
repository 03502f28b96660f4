"""A table of corrected labels: a CSV that names images by their pixels, not by their rows.

Columns, in any order: ``image`` (SHA-256 of the 9216 pixel bytes, hex), ``keypoint`` (a name of
KEYPOINTS), ``x``, ``y`` (pixels; both empty take the label away), ``version`` (the same in every
row) and, if wanted, ``source`` (such as ``partial``: only that annotator's label changes). ``row``
(the data row of training.csv where the label was seen) and ``reason`` are for people: files may
be sorted anew, and pictures with equal pixels have equal labels.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.compressed import unpacked
from fkd_core.data.plausible import OUTSIDE
from fkd_core.data.tables import Table, shown
from fkd_core.data.zips import DAMAGE, damaged
from fkd_core.errors import UserError
from fkd_core.keypoints import IMAGE_SIZE, KEYPOINTS
from fkd_core.sources import SOURCES

CORNER = 3.0
"""Pixels within which no table has all its places, unless it was scaled."""

_COLUMNS = ("image", "keypoint", "x", "y", "version")


@dataclass(frozen=True)
class Correction:
    """One label's new position."""

    image: bytes
    """SHA-256 of the image's pixels, 32 bytes."""
    keypoint: int
    """Index into KEYPOINTS."""
    x: float
    """Pixels, NaN to take the label away."""
    y: float
    source: int | None
    """Index into SOURCES; None for whoever labelled the image."""


@dataclass(frozen=True)
class Corrections:
    """A whole table."""

    name: str
    version: str
    sha256: str
    """Of the table's file."""
    entries: tuple[Correction, ...]


def read_corrections(path: Path) -> Corrections:
    """The table in a CSV file; UserError names the row and column of whatever is wrong in it."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise UserError(f"corrections {path} is no file; give a CSV file")
        with open(path, "rb") as file, unpacked(file, path.name) as plain:
            text = plain.read()
    except DAMAGE as error:
        raise damaged(f"corrections {path}", error) from error
    table = Table(path.name, [text], _COLUMNS, optional=["source", "row", "reason"])
    entries: list[Correction] = []
    sources: dict[tuple[bytes, int], set[int | None]] = {}
    versions: set[str] = set()
    for row, cells in table.rows():
        cell = dict(zip(table.columns, (c.strip() for c in cells), strict=True))
        entry = _entry(table, row, cell)
        seen = sources.setdefault((entry.image, entry.keypoint), set())
        if entry.source in seen or None in seen or (seen and entry.source is None):
            raise table.error(row, "keypoint", "this image's keypoint was corrected above already")
        seen.add(entry.source)
        entries.append(entry)
        versions.add(cell["version"].decode("utf-8", "replace"))
        if len(versions) > 1 or versions == {""}:
            raise table.error(row, "version", "must be given, and the same in every row")
    farthest = [max(abs(each.x), abs(each.y)) for each in entries if not math.isnan(each.x)]
    if farthest and max(farthest) < CORNER:
        raise UserError(
            f"{path.name}: all places lie within {CORNER:g} px of the picture's corner; were they "
            "divided by the picture's side? Give pixels"
        )
    return Corrections(path.name, versions.pop(), hashlib.sha256(text).hexdigest(), tuple(entries))


def apply_corrections(
    corrections: Corrections,
    points: NDArray[np.float32],
    source: NDArray[np.int8],
    sha256: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], str]:
    """New points [N, 15, 2], and a sentence that counts what was applied.

    A face only ever takes corrections of keypoints that its source marks. Raises UserError where
    no row fits these faces.
    """
    points = points.copy()
    marked = [each.keypoints for each in SOURCES.values()]
    rows: dict[bytes, list[int]] = {}
    for row, digest in enumerate(sha256):
        rows.setdefault(digest.tobytes(), []).append(row)
    applied = absent = 0
    for entry in corrections.entries:
        here = [
            row
            for row in rows.get(entry.image, [])
            if entry.source in (None, source[row]) and entry.keypoint in marked[source[row]]
        ]
        points[here, entry.keypoint] = entry.x, entry.y
        applied += len(here)
        absent += not here
    if not applied:
        known = any(each.image in rows for each in corrections.entries)
        what = "annotator marks the keypoint it names" if known else "image is the one it names"
        raise UserError(
            f"{corrections.name}: none of its {absent} rows fits these data, where no {what}; is "
            "it of other files?"
        )
    lost = f"; {absent} fit no label here" if absent else ""
    return points, (
        f"Corrected {applied} labels as {corrections.name} (version {corrections.version}) "
        f"says{lost}."
    )


def _entry(table: Table, row: int, cell: dict[str, bytes]) -> Correction:
    try:
        image = bytes.fromhex(cell["image"].decode("ascii"))
    except ValueError:
        image = b""
    if len(image) != 32:
        raise table.error(row, "image", f"{shown(cell['image'])} is no SHA-256 of 64 hex digits")
    keypoint = cell["keypoint"].decode("utf-8", "replace")
    if keypoint not in KEYPOINTS:
        raise table.error(row, "keypoint", f"{keypoint[:40]!r} is not one of the 15 keypoints")
    source = cell.get("source", b"").decode("utf-8", "replace")
    if source and source not in SOURCES:
        raise table.error(row, "source", f"{source[:40]!r} is none of {', '.join(SOURCES)}")
    if cell.get("row"):
        table.whole(row, "row", cell["row"])
    x, y = (table.coordinate(row, axis, cell[axis]) for axis in "xy")
    if math.isnan(x) != math.isnan(y):
        raise table.error(row, "x" if math.isnan(x) else "y", "is empty, but its partner is not")
    for axis, value in (("x", x), ("y", y)):
        if not math.isnan(value) and abs(value - (IMAGE_SIZE - 1) / 2) > IMAGE_SIZE / 2 + OUTSIDE:
            problem = f"{shown(cell[axis])} is over {OUTSIDE:g} px outside the picture"
            raise table.error(row, axis, problem)
    return Correction(
        image, KEYPOINTS.index(keypoint), x, y, list(SOURCES).index(source) if source else None
    )
