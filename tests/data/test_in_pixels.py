"""Labels in another scale, place or order are refused by file, with the likely cause."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faces_for_tests import tiny_faces
from numpy.typing import NDArray

from fkd_core.data.cleaning import clean
from fkd_core.data.demo.files import make_training
from fkd_core.data.in_pixels import check_faces
from fkd_core.data.plausible import plausible
from fkd_core.errors import UserError
from fkd_core.keypoints import COLUMNS, KEYPOINTS, MIRROR
from fkd_core.sources import PARTIAL

Points = NDArray[np.float32]
Change = Callable[[Points], Points]
FILE = "training.csv"
LABELS = Path(__file__).parents[2] / ".." / "shared" / "data" / "kaggle_labels"


@pytest.fixture(scope="module")
def faces() -> Points:
    return tiny_faces(160, 80).points


def first(rows: int, change: Change) -> Change:
    return lambda points: np.concatenate([change(points)[:rows], points[rows:]])


def scaled(points: Points) -> Points:
    return (points - 48) / 48


def z_scores(points: Points) -> Points:
    return (points - np.nanmean(points, axis=0)) / np.nanstd(points, axis=0)


def names_exchanged(points: Points) -> Points:
    return points[:, MIRROR]


def upwards(points: Points) -> Points:
    return points * np.float32((1, -1)) + np.float32((0, 96))


def mirrored(points: Points) -> Points:
    return points * np.float32((-1, 1)) + np.float32((95, 0))


def one_place(points: Points) -> Points:
    noise = np.random.default_rng(0).uniform(-0.01, 0.01, points.shape)
    return np.where(np.isnan(points), points, 48 + noise).astype(np.float32)


REFUSED: dict[str, tuple[Change, str]] = {
    "0..1": (lambda p: p / 96, "divided by the picture's side"),
    "-1..1": (scaled, r"\(v - 48\) / 48"),
    "-0.5..0.5": (lambda p: p / 96 - np.float32(0.5), r"Take 96 \* v \+ 48"),
    "z-scores": (z_scores, "divided by their deviation"),
    "one mean, one deviation": (lambda p: (p - 48) / 22, "divided by their deviation"),
    "one place": (one_place, "no face is so small"),
    "48 x 48": (lambda p: p / 2, "upper left part.*about (4|5). x"),
    "64 x 64": (lambda p: p * 64 / 96, "upper left part.*about 6. x 6."),
    "128 x 128": (lambda p: p * 128 / 96, "outside the picture.*about 1[23]. x 1[23]."),
    "192 x 192": (lambda p: p * 2, "outside the picture.*about 19. x 19."),
    "centred": (lambda p: p - 48, "Add 48"),
    "x and y": (lambda p: p[..., ::-1], "x and y are exchanged"),
    "left and right": (names_exchanged, "left and right are exchanged"),
    "mirrored copies": (lambda p: np.concatenate([p, mirrored(p)]), "left and right"),
    "y upwards": (upwards, "take 95 - y"),
    "no order": (
        lambda p: np.random.default_rng(0).uniform(10, 85, p.shape).astype(np.float32),
        "under each other's names",
    ),
    "the first 40 rows scaled": (first(40, scaled), r"40 of 240 .* data row 1,.* / 48"),
    "the first 40 rows of 48 x 48": (first(40, lambda p: p / 2), "40 of 240 .*upper left part"),
    "the first 40 rows of 192 x 192": (first(40, lambda p: 2 * p), "40 of 240 .*outside"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_labels_that_are_no_faces_in_pixels_are_refused(case: str, faces: Points) -> None:
    change, words = REFUSED[case]
    with pytest.raises(UserError, match=words) as caught:
        check_faces(change(faces), FILE)
    assert str(caught.value).startswith(f"{FILE}: in ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", REFUSED)
def test_of_few_rows_it_is_only_said(case: str, faces: Points) -> None:
    few = REFUSED[case][0](faces[:9])
    found, notes = check_faces(few, FILE)
    assert np.array_equal(found, few, equal_nan=True)
    assert all("too few rows to be sure" in note for note in notes)


def four(points: Points) -> Points:
    alone = np.full_like(points, np.nan)
    alone[:, list(PARTIAL.keypoints)] = points[:, list(PARTIAL.keypoints)]
    return alone


def nine(points: Points) -> Points:
    """Without the eyes' centres and the brows, as a third annotator may mark."""
    alone = points.copy()
    alone[:, [k for k, name in enumerate(KEYPOINTS) if "center_" in name or "brow" in name]] = (
        np.nan
    )
    alone[:, :2] = np.nan
    return alone


def turned(points: Points) -> Points:
    """Each face by another angle, up to 60 degrees."""
    angle = np.linspace(-1, 1, len(points))[:, None]
    x, y = points[..., 0] - 48, points[..., 1] - 48
    by = (x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle))
    return (np.stack(by, axis=-1) + 48).astype(np.float32)


PASS: dict[str, Change] = {
    "as they are": lambda p: p,
    "whole pixels": np.round,
    "four points": four,
    "nine points": nine,
    "one row twice as far": first(1, lambda p: 2 * p),
    "mirrored pictures, names exchanged": lambda p: names_exchanged(mirrored(p)),
    "turned": turned,
    "loose crops": lambda p: (p - 48) * np.float32(0.35) + 48,
    "faces below the forehead's middle": lambda p: p * np.float32(0.6) + np.float32((19, 36)),
    "close crops": lambda p: (p - 48) * np.float32(1.25) + np.float32((48, 44)),
    "to one side": lambda p: (p - 48) * np.float32(0.8) + np.float32((38, 48)),
    "twenty rows": lambda p: p[:20],
    "none labelled": lambda p: np.full_like(p, np.nan),
    "one point each": lambda p: np.where(np.arange(15)[:, None] == 10, p, np.float32(np.nan)),
}


@pytest.mark.parametrize("case", PASS)
def test_faces_in_pixels_pass(case: str, faces: Points) -> None:
    given = PASS[case](faces)
    found, notes = check_faces(given, FILE)
    assert np.array_equal(found, given, equal_nan=True)
    assert notes == []


def test_the_drawn_faces_pass_with_their_planted_mistakes() -> None:
    given = make_training(60, 0).labels.astype(np.float32)
    found, _ = check_faces(given, FILE)
    assert np.array_equal(found, given, equal_nan=True)


def test_single_rows_in_another_scale_lose_their_labels_and_are_counted(faces: Points) -> None:
    found, (note,) = check_faces(first(7, scaled)(faces), FILE)
    assert np.isnan(found[:7]).all()
    assert np.array_equal(found[7:], faces[7:], equal_nan=True)
    assert "labels of 7 rows of training.csv, the first of them data row 1" in note


def test_single_mirrored_rows_are_kept_and_counted(faces: Points) -> None:
    given = first(7, names_exchanged)(faces)
    found, (note,) = check_faces(given, FILE)
    assert np.array_equal(found, given, equal_nan=True)
    assert "In 7 rows of training.csv, the first of them data row 1" in note


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_sides_and_heads_down_are_said(quarters: int, faces: Points) -> None:
    given = faces
    for _ in range(quarters):
        given = np.stack([95 - given[..., 1], given[..., 0]], axis=-1)
    found, (note,) = check_faces(given, FILE)
    assert np.array_equal(found, given, equal_nan=True)
    assert "on their sides or upside down" in note


def test_each_file_is_judged_by_itself() -> None:
    """A third file's few scaled rows are not lost among the others, and it is named."""
    faces = tiny_faces(80, 40)
    points, told = faces.points.copy(), np.full(120, -1, np.int8)
    points[-30:] /= 96
    told[-30:] = 1
    with pytest.raises(UserError, match="30 of 30 labelled rows, the first of them data row 1,"):
        clean(faces.images, points, told=told)


@pytest.mark.skipif(not LABELS.is_dir(), reason="needs shared labels")
def test_nothing_of_the_competitions_own_labels_is_touched() -> None:
    with open(LABELS / "training_labels.csv", encoding="utf-8") as file:
        rows = [[row[c] or "nan" for c in COLUMNS] for row in csv.DictReader(file)]
    truth = np.array(rows, np.float32).reshape(-1, 15, 2)
    for said in (plausible, lambda points: check_faces(points, FILE)):
        found, notes = said(truth)
        assert np.array_equal(found, truth, equal_nan=True)
        assert notes == []
    missing = np.isnan(truth)
    for value in (0.0, -1.0, np.nanmean(truth, axis=0, dtype=np.float64)):
        found, (note,) = plausible(np.where(missing, value, truth).astype(np.float32))
        assert np.array_equal(found, truth, equal_nan=True)
        assert "105,412 coordinates" in note
