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
HALFWAY = 1e-3
"""Pixels that an interpolated point may be off; they are told with three digits or more."""
ROUNDED = 0.01
"""Pixels that a column's mean or median may be off in a file which it was filled into."""
OUTSIDE = 10.0
"""Pixels outside the picture from which on a label is worth a word."""
FLAT = 4
"""Gray levels that a picture must span."""

Points = NDArray[np.float32]
Rows = NDArray[np.bool_]


def plausible(points: Points) -> tuple[Points, list[str]]:
    """Points [N, 15, 2] px of a file without what cannot be labels, and a sentence for each
    kind."""
    notes: list[str] = []
    if filled := _by_one_value(points):
        named = [f"{COLUMNS[place]} {value:g}" for place, value in filled.items()][:3]
        more = f" and {len(filled) - 3} more columns" if len(filled) > 3 else ""
        away = _like_the_filled(points, filled)
        points = np.where(away, np.float32(np.nan), points)
        notes.append(
            f"Took away {away.sum():,} coordinates that are one value throughout "
            f"({', '.join(named)}{more}): missing labels that were filled in, not labels."
        )
    nowhere = ((points == 0) | (points == -1)).all(axis=2) & (points[..., 0] == points[..., 1])
    if nowhere.any():
        row, point = np.argwhere(nowhere)[0]
        points = np.where(nowhere[..., None], np.float32(np.nan), points)
        notes.append(
            f"Took away {nowhere.sum():,} points at exactly (0, 0) or (-1, -1), the first in data "
            f"row {row + 1} ({COLUMNS[2 * point]}): missing labels that were filled in, not "
            "labels."
        )
    for told_by_rows, how in (
        (
            _like_the_next_row,
            "equal those of the row above or below: missing labels that were filled from there",
        ),
        (
            _between_its_neighbours,
            "lie halfway between those of the rows above and below: missing labels that were "
            "interpolated",
        ),
    ):
        away = told_by_rows(points)
        if (count := int(away.any(axis=1).sum())) >= LEAST:
            points = np.where(away[..., None], np.float32(np.nan), points)
            notes.append(
                f"Took away {away.sum():,} points in {count:,} rows that {how}, not labels."
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


def _by_one_value(points: Points) -> dict[int, float]:
    """Places in COLUMNS of columns that were surely filled, and with which value."""
    found = {}
    for place, column in enumerate(points.reshape(len(points), -1).T):
        values, counts = np.unique(column[np.isfinite(column)], return_counts=True)
        if len(values) and counts.max() >= max(LEAST, ONE_VALUE * counts.sum()):
            found[place] = float(values[counts.argmax()])
    return found


def _like_the_filled(points: Points, filled: dict[int, float]) -> Rows:
    """[N, 15, 2] coordinates that were filled: all of a column's value in `filled`, and in other
    columns points whose x and y were both filled in the way that these show."""
    flat = points.reshape(len(points), -1).astype(np.float64)
    surely = np.zeros(flat.shape, np.bool_)
    for place, value in filled.items():
        surely[:, place] = flat[:, place] == value
    like = surely.copy()
    values, counts = np.unique(list(filled.values()), return_counts=True)
    shared = values[counts > 1]
    for value in shared:
        like |= flat == value
    others = np.where(surely, np.nan, flat)
    some: Rows = np.asarray(np.isfinite(others).any(axis=0))
    others[:, ~some] = 0.0
    for middle in (np.nanmean, np.nanmedian)[: 1 if len(shared) else 2]:
        own = middle(others, axis=0)
        off = max((abs(own[place] - filled[place]) for place in filled if some[place]), default=1)
        if off < ROUNDED:
            like |= np.abs(flat - own) <= 2 * off + 1e-4
    both = like.reshape(points.shape).all(axis=2, keepdims=True)
    return np.asarray(surely.reshape(points.shape) | both)


def _like_the_next_row(points: Points) -> Rows:
    """[N, 15] points that equal those of a neighbouring row, where many of them do."""
    same = (points[1:] == points[:-1]).all(axis=2)
    same &= same.sum(axis=1, keepdims=True) >= IN_A_ROW
    copied = np.zeros(points.shape[:2], np.bool_)
    copied[1:] |= same
    copied[:-1] |= same
    return copied


def _between_its_neighbours(points: Points) -> Rows:
    """[N, 15] points in the middle of those of both neighbouring rows, where many of a row are."""
    between = np.zeros(points.shape[:2], np.bool_)
    off = np.abs(points[:-2] + points[2:] - 2 * points[1:-1]).max(axis=2)
    between[1:-1] = off < HALFWAY
    return np.asarray(between & (between.sum(axis=1, keepdims=True) >= IN_A_ROW))


def shows_something(images: NDArray[np.uint8]) -> Rows:
    """[N] whether pictures [N, 96, 96] are of more than one colour."""
    flat = images.reshape(len(images), -1)
    return np.asarray(flat.max(axis=1).astype(int) - flat.min(axis=1) >= FLAT)
