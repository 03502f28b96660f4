"""Labels that no annotator gave and pictures that show nothing: taken away, and said.

Files that were edited before often had their missing labels filled: with one value for all rows
(0, -1, the mean), or with the row above or below. Taught as labels, they teach places where
nothing is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import COLUMNS, IMAGE_SIZE

LEAST = 20
"""Rows that must look filled before any of them is taken for it."""
ONE_VALUE = 0.3
"""Share of a column's labels that one value may have; whole pixels reach a sixth."""
IN_A_ROW = 4
"""Points that must equal those of the row above."""
OUTSIDE = 10.0
"""Pixels outside the picture from which on a label is worth a word."""
FLAT = 4
"""Gray levels that a picture must span."""

Points = NDArray[np.float32]
Rows = NDArray[np.bool_]


def plausible(points: Points) -> tuple[Points, list[str]]:
    """Points [N, 15, 2] px without what cannot be labels, and a sentence for each kind."""
    notes: list[str] = []
    if filled := _by_one_value(points):
        named = [f"{COLUMNS[place]} {value:g}" for place, value, _ in filled[:3]]
        more = f" and {len(filled) - 3} more columns" if len(filled) > 3 else ""
        count = sum(int(rows.sum()) for _, _, rows in filled)
        points = points.copy()
        for place, _, rows in filled:
            points.reshape(len(points), -1)[rows, place] = np.nan
        notes.append(
            f"Took away {count:,} coordinates that are one value throughout ({', '.join(named)}"
            f"{more}): missing labels that were filled in, not labels."
        )
    copied = _like_the_next_row(points)
    if (count := int(copied.any(axis=1).sum())) >= LEAST:
        points = np.where(copied[..., None], np.float32(np.nan), points)
        notes.append(
            f"Took away {copied.sum():,} points in {count:,} rows that equal those of the row "
            "above or below: missing labels that were filled from there, not labels."
        )
    outside = np.abs(points - (IMAGE_SIZE - 1) / 2).max(axis=2, initial=0) > (
        IMAGE_SIZE / 2 + OUTSIDE
    )
    if outside.any():
        row, point = np.argwhere(outside)[0]
        notes.append(
            f"{outside.sum():,} points lie over {OUTSIDE:g} px outside their picture, the first "
            f"in data row {row + 1} ({COLUMNS[2 * point]}); they are kept: look at them."
        )
    return points, notes


def _by_one_value(points: Points) -> list[tuple[int, float, Rows]]:
    """(column of COLUMNS, value, rows [N]) for columns that were filled."""
    found = []
    for place, column in enumerate(points.reshape(len(points), -1).T):
        values, counts = np.unique(column[np.isfinite(column)], return_counts=True)
        if len(values) and counts.max() >= max(LEAST, ONE_VALUE * counts.sum()):
            value = values[counts.argmax()]
            found.append((place, float(value), column == value))
    return found


def _like_the_next_row(points: Points) -> Rows:
    """[N, 15] points that equal those of a neighbouring row, where many of them do."""
    same = (points[1:] == points[:-1]).all(axis=2)
    same &= same.sum(axis=1, keepdims=True) >= IN_A_ROW
    copied = np.zeros(points.shape[:2], np.bool_)
    copied[1:] |= same
    copied[:-1] |= same
    return copied


def shows_something(images: NDArray[np.uint8]) -> Rows:
    """[N] whether pictures [N, 96, 96] are of more than one colour."""
    flat = images.reshape(len(images), -1)
    return np.asarray(flat.max(axis=1).astype(int) - flat.min(axis=1) >= FLAT)
