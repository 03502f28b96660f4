"""Whether a file's labels can be faces in the pixels of their pictures.

Files that were prepared for a training hold other numbers under the competition's names: scaled to
0..1 or -1..1, of pictures of another size, measured from elsewhere, or in another order. A network
learns them as readily. What is asked of a file is what every face crop in pixels has: points that
are apart, inside the picture, and not mirrored, whatever the face's size, place and turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.plausible import LEAST, Points, Rows
from fkd_core.errors import UserError
from fkd_core.keypoints import IMAGE_SIZE, KEYPOINTS, MIRROR

NARROW = 8.0
"""Pixels that the points of a face span at least; in the competition's files about 30."""
BEYOND = 2.0
"""Pixels from the picture's edge on which a point counts as outside."""
OUTSIDE_SHARE = 0.1
"""Of a file's points that may be outside; in the competition's files none is."""
MIRRORED_SHARE = 0.1
"""Of a file's rows that may be mirrored; in the competition's files none is."""
MANY = 0.05
"""Share of a file's rows whose faces would be small, or at the upper left, by no chance."""

_MIDDLE = (IMAGE_SIZE - 1) / 2
_LEFT = [k for k, name in enumerate(KEYPOINTS) if "left" in name]
_RIGHT = [MIRROR[k] for k in _LEFT]
_UPPER = [k for k, name in enumerate(KEYPOINTS) if "eye" in name]
_LOWER = [k for k, name in enumerate(KEYPOINTS) if "nose" in name or "mouth" in name]


@dataclass(frozen=True, eq=False)
class _Strange:
    """Rows that cannot be faces in pixels."""

    rows: Rows
    """[n] which of those that were looked at."""
    why: str
    """What they have, the likely cause and the cure."""


_Finder = Callable[[Points], _Strange | None]


def check_faces(points: Points, file: str) -> tuple[Points, list[str]]:
    """Points [N, 15, 2] px of a file, each wholly given or wholly NaN, without the labels of
    single rows that are not in pixels; and sentences.

    Raises UserError, with the likely cause, where too many rows cannot be faces in pixels. Of a
    file with fewer than LEAST labelled rows a sentence says so instead.
    """
    row = np.flatnonzero(np.isfinite(points).all(axis=2).sum(axis=1) >= 2)
    faces, notes = points[row], list[str]()
    for find in _FINDERS:
        if (strange := find(faces)) is not None:
            told = (
                f"{file}: in {strange.rows.sum():,} of {len(row):,} labelled rows, the first of "
                f"them data row {row[strange.rows.argmax()] + 1}, {strange.why}"
            )
            if len(row) >= LEAST:
                raise UserError(told)
            return points, [f"{told} (too few rows to be sure; they are kept)."]
    if len(row) < LEAST:
        return points, []
    if (lost := _at_the_corner(faces) | (_span(faces) < 1)).any():
        points = points.copy()
        points[row[lost]] = np.nan
        notes.append(
            f"Took away the labels of {lost.sum()} rows of {file}, the first of them data row "
            f"{row[lost.argmax()] + 1}: not in pixels as the others, or all points at one place."
        )
    side, turned = _frame(faces)
    if (mirrored := turned < 0).any():
        notes.append(
            f"In {mirrored.sum():,} rows of {file}, the first of them data row "
            f"{row[mirrored.argmax()] + 1}, left and right (or up and down) are exchanged; they "
            "are kept: look at them."
        )
    known = side[np.isfinite(turned)]
    if len(known) and np.median(known[:, 0]) < abs(np.median(known[:, 1])):
        notes.append(f"Most faces of {file} lie on their sides or upside down: look at them.")
    return points, notes


def _narrow(faces: Points) -> _Strange | None:
    """Rows of small numbers, or whose points are all at one place."""
    rows = _at_the_corner(faces)
    if not _enough(rows):
        rows = _span(faces) < NARROW
        if not _enough(rows) or rows.mean() < MANY:
            return None
    low, high = np.nanquantile(faces[rows], (0.01, 0.99))
    if low > -0.1 and high < 1.1 and high - low > 0.2:
        cause = "were they divided by the picture's side? Multiply them by 96"
    elif -0.55 < low < -0.1 and high < 0.55:
        cause = "were they scaled to -0.5..0.5, as v / 96 - 0.5? Take 96 * v + 48"
    elif -1.1 < low < -0.1 and high < 1.1:
        cause = "were they scaled to -1..1, as (v - 48) / 48? Take 48 * v + 48"
    elif low > -NARROW and high < NARROW:
        cause = "were they divided by their deviation? Give the original pixels"
    else:
        cause = "no face is so small; give its points' places in pixels"
    return _Strange(
        rows, f"all points lie within {NARROW:g} px (values {low:.3g} to {high:.3g}): {cause}"
    )


def _outside(faces: Points) -> _Strange | None:
    """Rows of larger pictures, or measured from elsewhere."""
    out = np.abs(faces - _MIDDLE).max(axis=2) > IMAGE_SIZE / 2 + BEYOND
    given = np.isfinite(faces).all(axis=2)
    if not out.sum() > OUTSIDE_SHARE * given.sum():
        return None
    rows = out.sum(axis=1) >= given.sum(axis=1) / 4
    middle = _middle(faces[rows])
    if abs(middle) < _MIDDLE / 2:
        cause = "are they measured from the picture's middle? Add 48"
    elif middle > 1.2 * _MIDDLE:
        cause = f"are they of {_other_size(middle)}"
    else:
        cause = "give pixels, counted from the upper left corner"
    return _Strange(rows, f"a quarter of the points or more lie outside the picture: {cause}")


def _smaller(faces: Points) -> _Strange | None:
    """Rows of smaller pictures: all or many are at the upper left, and none at the upper right."""
    far, near = np.nanmax(faces, axis=1), np.nanmin(faces, axis=1)
    high = far[:, 1] < IMAGE_SIZE / 2
    rows = np.max(far, axis=1) < 0.7 * IMAGE_SIZE
    if not (rows.sum() > 0.95 * len(rows) and _middle(faces) < 0.75 * _MIDDLE):
        rows = high & (far[:, 0] < IMAGE_SIZE / 2)
        to_the_right = high & (near[:, 0] > _MIDDLE)
        if not _enough(rows) or rows.sum() < max(MANY * len(rows), 5 * to_the_right.sum()):
            return None
    size = _other_size(_middle(faces[rows]))
    return _Strange(rows, f"all points lie in the picture's upper left part: are they of {size}")


def _mirrored(faces: Points) -> _Strange | None:
    """Rows in which a face's points lie in no order that a turned face has."""
    side, turned = _frame(faces)
    rows = turned < 0
    if not _enough(rows) or rows.sum() < MIRRORED_SHARE * len(rows):
        return None
    across = np.abs(side[rows, 0]) < np.abs(side[rows, 1])
    named = ~across & (side[rows, 0] < 0)
    causes = (
        (across, "x and y are exchanged: exchange them"),
        (
            named,
            "left and right are exchanged: exchange them, so that the left eye, which is the "
            "person's own left one, has the larger x",
        ),
        (~across & ~named, "the mouth is above the eyes: take 95 - y, since y counts downwards"),
    )
    share, cause = max((float(each.mean()), text) for each, text in causes)
    if share < 0.7:
        cause = "the points do not lie as a face's do: are columns under each other's names?"
    return _Strange(rows, cause)


_FINDERS: tuple[_Finder, ...] = (_narrow, _outside, _smaller, _mirrored)


def _enough(rows: Rows) -> bool:
    """Whether so many of the rows are no chance."""
    return bool(rows.any() and rows.sum() >= min(LEAST, len(rows) / 2))


def _at_the_corner(faces: Points) -> Rows:
    """[n] rows whose numbers are all small."""
    return np.asarray(np.nanmax(np.abs(faces), axis=(1, 2)) < NARROW)


def _span(faces: Points) -> NDArray[np.float32]:
    """[n] px between a row's outermost points."""
    return np.asarray(np.max(np.nanmax(faces, axis=1) - np.nanmin(faces, axis=1), axis=1))


def _middle(faces: Points) -> float:
    """x of the middle of most faces."""
    return float(np.median(np.nanmax(faces[..., 0], 1) + np.nanmin(faces[..., 0], 1)) / 2)


def _other_size(middle: float) -> str:
    """The size of the pictures in whose middle faces lie at this x, and the cure."""
    side = IMAGE_SIZE * middle / _MIDDLE
    return f"pictures of about {side:.0f} x {side:.0f} pixels? Multiply them by 96 / that side"


def _frame(faces: Points) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """[n, 2] from the right half of a face to its left one, and [n] the cross product of that with
    the way from the eyes down, positive at any turn; NaN where points are missing."""
    side = _mean(faces[:, _LEFT] - faces[:, _RIGHT])
    down = _mean(faces[:, _LOWER]) - _mean(faces[:, _UPPER])
    return side, side[:, 0] * down[:, 1] - side[:, 1] * down[:, 0]


def _mean(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """[n, 2] of those that are known among vectors [n, k, 2]; NaN where none is."""
    count = np.isfinite(vectors).sum(axis=1)
    total = np.nansum(vectors, axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))
