"""What cannot be a label is taken away and said; what can be one is kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from faces_for_tests import tiny_faces
from numpy.typing import NDArray

from fkd_core.data.cleaning import clean
from fkd_core.data.plausible import plausible, shows_something
from fkd_core.errors import UserError
from fkd_core.keypoints import KEYPOINTS
from fkd_core.sources import PARTIAL

FOUR = list(PARTIAL.keypoints)
OTHERS = [k for k in range(len(KEYPOINTS)) if k not in FOUR]
NOSE = KEYPOINTS.index("nose_tip")


def labels(rows: int = 200, partial: int = 120, seed: int = 0) -> NDArray[np.float32]:
    """Points as two annotators give them: the last rows have four each."""
    random = np.random.default_rng(seed)
    points = (random.normal(0, 4, (rows, 15, 2)) + 48).astype(np.float32)
    points[-partial:, OTHERS] = np.nan
    return points


@pytest.mark.parametrize("decimals", [0, 2])
def test_labels_are_kept_even_in_whole_pixels(decimals: int) -> None:
    points = labels().round(decimals)
    found, notes = plausible(points)
    assert np.array_equal(found, points, equal_nan=True)
    assert notes == []


@pytest.mark.parametrize("value", [0.0, -1.0, 48.25])
def test_missing_labels_filled_with_one_value_are_missing_again(value: float) -> None:
    truth = labels()
    found, (note,) = plausible(np.where(np.isnan(truth), np.float32(value), truth))
    assert np.array_equal(found, truth, equal_nan=True)
    assert f"{value:g}" in note
    assert "2,640 coordinates" in note  # 120 rows x 11 points x 2


@pytest.mark.parametrize("how", ["0", "-1", "48", "mean", "mean to two decimals", "median"])
def test_what_fills_most_columns_is_taken_from_those_that_miss_little_too(how: str) -> None:
    truth = labels(400, 240)
    truth[::40, FOUR] = np.nan  # ten rows, far below the share of any column
    values = {
        "mean": np.nanmean(truth, axis=0, dtype=np.float64),
        "mean to two decimals": np.nanmean(truth, axis=0, dtype=np.float64).round(2),
        "median": np.nanmedian(truth, axis=0),
    }
    value = values[how] if how in values else float(how)
    found, (note,) = plausible(np.where(np.isnan(truth), value, truth).astype(np.float32))
    assert np.array_equal(found, truth, equal_nan=True)
    assert f"{np.isnan(truth).sum():,} coordinates" in note


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_point_at_exactly_zero_is_none_however_few_there_are(value: float) -> None:
    truth = labels()
    points = truth.copy()
    points[::16, NOSE] = value  # 13 of 200 rows
    points[7] = np.where(np.isnan(points[7]), np.float32(np.nan), np.float32(value))
    found, (note,) = plausible(points)
    assert np.isnan(found[::16, NOSE]).all()
    assert np.isnan(found[7]).all()
    others = np.isfinite(found)
    assert np.array_equal(found[others], truth[others])
    assert "28 points at exactly (0, 0) or (-1, -1), the first in data row 1 (nose_tip_x)" in note


def test_interpolated_labels_are_missing_again() -> None:
    """As pandas.DataFrame.interpolate fills them, which copies what follows the last."""
    truth = labels(401, 1)[:400]
    missing = np.random.default_rng(1).permutation(400) < 240
    missing[[0, -1]] = False
    truth[np.ix_(missing, OTHERS)] = np.nan
    filled = pd.DataFrame(truth.reshape(400, 30)).interpolate().to_numpy(np.float32)
    found, (note,) = plausible(filled.reshape(truth.shape))
    assert np.array_equal(found, truth, equal_nan=True)
    assert f"{missing.sum() * len(OTHERS):,} points in {missing.sum()} rows" in note


def test_a_label_at_the_edge_is_one() -> None:
    points = labels()
    points[3, NOSE] = 0.0, 41.5
    points[4, NOSE] = -1.0, 0.0
    assert plausible(points)[1] == []


def test_a_column_of_one_value_teaches_nothing() -> None:
    points = labels()
    points[:, NOSE, 0] = 0
    found, (note,) = plausible(points)
    assert np.isnan(found[:, NOSE, 0]).all()
    assert "nose_tip_x 0" in note


@pytest.mark.parametrize("forward", [True, False])
def test_rows_filled_from_their_neighbours_are_missing_again(forward: bool) -> None:
    truth = labels(partial=40)
    filled = truth.copy()
    filled[-40:, OTHERS] = truth[-41, OTHERS]
    if not forward:
        truth, filled = truth[::-1], filled[::-1]
    found, (note,) = plausible(filled)
    assert np.isnan(found[:, OTHERS]).all(axis=(1, 2)).sum() == 41  # the copied one, too
    assert np.array_equal(found[:, FOUR], filled[:, FOUR])
    assert "41 rows" in note


def test_a_few_rows_may_be_alike() -> None:
    points = labels()
    points[5] = points[4]
    assert plausible(points)[1] == []


def test_points_far_outside_are_named_and_kept() -> None:
    points = labels()
    points[7, NOSE] = -40.0, 50.0
    found, (note,) = plausible(points)
    assert np.array_equal(found, points, equal_nan=True)
    assert "data row 8 (nose_tip_x)" in note


def test_pictures_of_one_colour_train_nothing() -> None:
    faces = tiny_faces(6, 0)
    images = faces.images.copy()
    images[2] = 77
    assert shows_something(images).tolist() == [True, True, False, True, True, True]
    found, notes = clean(images, faces.points)
    assert 3 not in found.row
    assert "Dropped 1 pictures of one colour, which show no face." in notes
    with pytest.raises(UserError, match="one colour"):
        clean(np.zeros_like(images), faces.points)
