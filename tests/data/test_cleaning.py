"""Sources, merged copies, groups and known-bad rows."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from faces_for_tests import tiny_faces
from numpy.typing import NDArray
from pictures_for_tests import pictures

from fkd_core.data.archive import TEST, TRAINING
from fkd_core.data.cleaning import clean, sources
from fkd_core.data.identity import OFFICIAL, identity_note, known
from fkd_core.data.pixels import parse_pixels
from fkd_core.errors import UserError
from fkd_core.keypoints import COLUMNS
from fkd_core.sources import PARTIAL

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
NAN = np.float32(np.nan)


def full(value: float, count: int = 1) -> NDArray[np.float32]:
    return np.full((count, 15, 2), value, np.float32)


def four(value: float, count: int = 1) -> NDArray[np.float32]:
    points = full(NAN, count)
    points[:, list(PARTIAL.keypoints)] = value
    return points


def test_copies_merge_within_a_source_only() -> None:
    images = pictures(2)[[0, 1, 0, 0, 0]]
    points = np.concatenate([full(10), full(20), full(14), four(50), four(52)])
    points[2, 3] = NAN
    faces, notes = clean(images, points)
    assert faces.row.tolist() == [1, 2, 4]
    assert faces.source.tolist() == [0, 0, 1]
    assert faces.points[0, 0].tolist() == [12, 12]
    assert faces.points[0, 3].tolist() == [10, 10]
    assert faces.points[2, PARTIAL.keypoints[0]].tolist() == [51, 51]
    assert np.isnan(faces.points[2, 3]).all()
    assert faces.group[0] == faces.group[2] != faces.group[1]
    assert any(note.startswith("Merged 2 rows") for note in notes)


def test_an_unlabelled_face_is_complete_and_three_of_the_four_points_are_partial() -> None:
    points = np.concatenate([full(NAN), four(1), four(1), full(1)])
    points[1, PARTIAL.keypoints[0]] = NAN
    points[2, 1 + PARTIAL.keypoints[1]] = 5
    assert sources(points).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("kind", ["empty", "no y", "all rows alike", "all zero"])
def test_files_without_any_label_are_refused(kind: str) -> None:
    points = tiny_faces(30, 0).points.copy()
    if kind == "empty":
        points[:] = NAN
    elif kind == "no y":
        points[..., 1] = NAN
    else:
        points[:] = points[0] if kind == "all rows alike" else 0
    with pytest.raises(UserError, match=r"^training\.csv has no labels that can be learned from"):
        clean(pictures(30), points)


def test_faces_without_labels_are_counted_as_such() -> None:
    faces = tiny_faces(30, 10)
    points = faces.points.copy()
    points[::12] = 0
    found, notes = clean(faces.images, points)
    assert len(found) == 40
    assert any("40 faces: 27 complete, 9 partial, 4 without labels; " in note for note in notes)


def test_half_a_label_is_taken_away() -> None:
    points = full(5, 2)
    points[1, 7, 1] = NAN
    faces, notes = clean(pictures(2), points)
    assert np.isnan(faces.points[1, 7]).all()
    assert np.isnan(faces.points).sum() == 2
    assert "Took away 1 labels that had only one of x and y." in notes


def test_bad_rows_are_dropped_and_the_others_keep_their_names() -> None:
    faces, notes = clean(pictures(4), full(5, 4), bad_rows=(2, 9))
    assert faces.row.tolist() == [1, 3, 4]
    assert any(note.startswith("Dropped 1 rows") for note in notes)


def test_bad_rows_are_known_of_the_official_file_alone() -> None:
    assert known(TRAINING, OFFICIAL[TRAINING]).bad_rows == (6493, 6494)
    assert known(TRAINING, "0" * 64).bad_rows == ()
    assert known(TEST, OFFICIAL[TEST]).bad_rows == ()
    assert "byte for byte" in identity_note(TRAINING, OFFICIAL[TRAINING])
    assert "first 8" in identity_note("IdLookupTable.csv", "e9fe9d4b" + "0" * 56)


def test_pixels_parse_as_numpy_does() -> None:
    values = np.random.default_rng(4).integers(0, 256, 9216)
    values[:6] = [0, 9, 10, 99, 100, 255]
    for row in (values, values[::-1], np.zeros(9216, int), np.full(9216, 255)):
        assert np.array_equal(parse_pixels(" ".join(map(str, row)).encode()), row)


@pytest.mark.skipif(not (SHARED / "kaggle_labels").is_dir(), reason="needs shared labels")
def test_the_competitions_own_label_patterns_fall_into_their_sources() -> None:
    with open(SHARED / "kaggle_labels" / "training_labels.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    values = [[float(row[c]) if row[c] else np.nan for c in COLUMNS] for row in rows]
    points = np.array(values, np.float32).reshape(-1, 15, 2)
    given = np.isfinite(points).sum(axis=(1, 2))
    assert len(given) == 7049
    assert ((given == 8).sum(), (given == 30).sum()) == (4755, 2140)
    assert not (np.isnan(points).sum(axis=2) == 1).any()
    source = sources(points)
    assert (source[given == 30] == 0).all()
    assert source[given == 8].mean() > 0.99
    assert (source[(given > 8)] == 0).all()
