"""Planted mistakes are found, named, and put right."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from planted import Planted, planted

from fkd_core.audit import explanations
from fkd_core.audit.suspects import COLUMNS, Suspect, left_out, ranked, write_suspects

REASON = {
    "two_points_swapped": explanations.SWAPPED,
    "one_point_off": explanations.POINT,
    "all_points_shifted": explanations.SHIFTED,
    "labels_of_another_face": explanations.ROW,
    "labels_of_the_next_row": explanations.ROW,
    "picture_of_nothing": explanations.HOPELESS,
}


@pytest.fixture(scope="module")
def there() -> Planted:
    return planted("complete")


@pytest.fixture(scope="module")
def suspects(there: Planted) -> list[Suspect]:
    return ranked({"complete": there.table}, there.faces)


def test_what_was_planted_comes_first(there: Planted, suspects: list[Suspect]) -> None:
    count = len(there.wrong)
    assert len(suspects) == len(there.faces)
    assert sum(each.face in there.wrong for each in suspects[:count]) >= count - 1
    assert sum(each.flagged for each in suspects) == pytest.approx(count, abs=2)


def test_every_mistake_is_called_by_its_name(there: Planted, suspects: list[Suspect]) -> None:
    told = {each.face: each for each in suspects}
    for face, kind in there.wrong.items():
        if kind != "picture_of_nothing":  # with 15 points, a shift explains some as well
            assert told[face].reason == REASON[kind], (face, kind)
        if kind == "labels_of_the_next_row":
            assert told[face].fits_row == told[face].row + 1


def test_four_points_suffice_to_find_most() -> None:
    there = planted("partial", seed=1)
    found = ranked({"partial": there.table}, there.faces)[: len(there.wrong)]
    assert sum(each.face in there.wrong for each in found) >= len(there.wrong) - 1
    hopeless = {each.face for each in found if each.reason == explanations.HOPELESS}
    assert hopeless == {f for f, kind in there.wrong.items() if kind == "picture_of_nothing"}


def test_exchanged_names_are_exchanged_back_and_the_rest_is_left(
    there: Planted, suspects: list[Suspect]
) -> None:
    told = {each.face: each for each in suspects}
    for face, kind in there.wrong.items():
        each = told[face]
        others = [k for k in range(15) if k not in each.keypoints]
        assert np.array_equal(each.proposed[others], each.given[others], equal_nan=True)
        if kind == "two_points_swapped":
            a, b = each.keypoints
            assert np.array_equal(each.proposed[[a, b]], each.given[[b, a]])
        if kind == "one_point_off":
            assert len(each.keypoints) == 1
            assert each.off > 6


def test_what_is_flagged_can_be_left_out(there: Planted, suspects: list[Suspect]) -> None:
    first = [each for each in suspects if each.reason == explanations.POINT and each.flagged]
    less = left_out(there.faces, first)
    lost = np.isfinite(there.faces.points).all(axis=2) & np.isnan(less.points).any(axis=2)
    assert {(each.face, k) for each in first for k in each.keypoints} == {
        (int(face), int(k)) for face, k in np.argwhere(lost)
    }


def test_the_table_has_all_faces_in_order(suspects: list[Suspect], tmp_path: Path) -> None:
    write_suspects(tmp_path / "suspects.csv", suspects)
    with open(tmp_path / "suspects.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert [int(row["row"]) for row in rows] == [each.row for each in suspects]
    assert [float(row["score"]) for row in rows] == sorted(
        (float(row["score"]) for row in rows), reverse=True
    )
    assert all((float(row["probability"]) > 0.5) == (float(row["score"]) > 0) for row in rows)
