"""What an ensemble said comes back as it was, and nothing comes of a damaged file."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from fkd_core.data.folds import set_of
from fkd_core.ensemble.said import PREDICTIONS, Said, read_said, said, write_said
from fkd_core.ensemble.stacking.linear import Mean
from fkd_core.ensemble.stacking.stack import Stacked, stack
from fkd_core.ensemble.table import Table


@pytest.fixture(scope="module")
def stacked() -> Stacked:
    """Two members on 60 partial faces and 3 test images, combined by their mean."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(20, 70, (60, 4, 2)).astype(np.float32)
    own = truth + rng.normal(0, 1, (2, 60, 4, 2)).astype(np.float32)
    table = Table(
        "partial", ("lenet5", "conv5"), np.arange(60)[::-1].copy(),
        rng.integers(0, 2**64, 60, np.uint64), np.zeros((2, 60), np.intp), truth, own, own,
        own[None, :, :3], np.empty((60, 0)), np.empty((3, 0)),
    )  # fmt: skip
    return stack(table, {"mean": Mean()}, "mean")


def test_each_face_has_what_ships_said_without_having_seen_it(stacked: Stacked) -> None:
    rows = np.arange(100, 160, dtype=np.int32)
    half = said(stacked, rows, np.array([7, 8, 9]))
    table = stacked.table
    np.testing.assert_array_equal(half.row, rows[::-1])
    np.testing.assert_array_equal(half.final, set_of(table.group) == "final")
    np.testing.assert_allclose(half.points, table.own.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(half.test, table.test.mean(axis=0), atol=1e-4)
    assert half.correlation.shape == (2, 2)
    assert abs(half.correlation[0, 1]) < 0.3


def test_data_without_test_images_are_answered_all_the_same(stacked: Stacked) -> None:
    nobody = replace(
        stacked.table, by_part=stacked.table.by_part[:, :, :0], test_other=np.empty((0, 0))
    )
    half = said(replace(stacked, table=nobody), np.arange(60, dtype=np.int32), None)
    assert half.test.shape == (0, 4, 2)
    assert half.points.shape == (60, 4, 2)


def test_it_comes_back_as_it_was(stacked: Stacked, tmp_path: Path) -> None:
    half = said(stacked, np.arange(60, dtype=np.int32), None)
    write_said(tmp_path, {"partial": half})
    ((name, back),) = read_said(tmp_path).items()
    assert name == "partial"
    for field in fields(Said):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(half, field.name))


def test_nothing_comes_of_a_missing_or_damaged_file(stacked: Stacked, tmp_path: Path) -> None:
    assert read_said(tmp_path) == {}
    half = said(stacked, np.arange(60, dtype=np.int32), None)
    path = write_said(tmp_path, {"partial": replace(half)})
    assert path.name == PREDICTIONS
    path.write_bytes(path.read_bytes()[:-200])
    assert read_said(tmp_path) == {}
