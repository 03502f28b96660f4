"""Errors are counted per labelled coordinate, and only there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fkd_core.evidence import FitErrors

REST: dict[str, Any] = {
    "fold": 0, "seed": 0, "train_faces": 10, "train_rmse": 1.0, "half_rmse": 2.0,
}  # fmt: skip


def test_unlabelled_coordinates_carry_no_error() -> None:
    truth = np.zeros((2, 2, 2))
    truth[0, 1] = np.nan
    predicted = np.array([[[3.0, 4.0], [50.0, np.nan]], [[0.0, 0.0], [0.0, 5.0]]])
    fit = FitErrors.from_predictions(predicted, truth, group=np.array([7, 8], np.uint64), **REST)
    assert fit.squared.tolist() == [25.0, 25.0]
    assert fit.count.tolist() == [2, 4]
    assert fit.rmse == pytest.approx(np.sqrt(50 / 6))


def test_rmse_is_pooled_over_coordinates_as_in_the_competition() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(48, 10, (40, 15, 2)).astype(np.float32)
    truth[random.random(truth.shape) < 0.3] = np.nan
    predicted = random.normal(48, 10, truth.shape).astype(np.float32)
    fit = FitErrors.from_predictions(
        predicted, truth, group=np.arange(40, dtype=np.uint64), **REST
    )
    wanted = np.sqrt(np.nanmean((predicted.astype(np.float64) - truth) ** 2))
    assert fit.rmse == pytest.approx(wanted)


def test_a_prediction_that_is_no_number_is_refused() -> None:
    predicted = np.full((2, 1, 2), np.nan)
    with pytest.raises(ValueError, match="finite"):
        FitErrors.from_predictions(
            predicted, np.zeros((2, 1, 2)), group=np.zeros(2, np.uint64), **REST
        )


def test_faces_without_any_label_cannot_be_scored() -> None:
    with pytest.raises(ValueError, match="labelled"):
        FitErrors.from_predictions(
            np.zeros((2, 1, 2)), np.full((2, 1, 2), np.nan), group=np.zeros(2, np.uint64), **REST
        )


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        FitErrors(
            group=np.zeros(3, np.uint64), squared=np.ones(2), count=np.ones(2, np.int64), **REST
        )
