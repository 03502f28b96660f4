"""Errors that cannot be are refused; the rest are pooled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fkd_core.evidence import FitErrors

REST: dict[str, Any] = {
    "fold": 0, "seed": 0, "train_faces": 10, "train_rmse": 1.0, "half_rmse": 2.0,
}  # fmt: skip


def test_faces_without_any_label_cannot_be_scored() -> None:
    with pytest.raises(ValueError, match="labelled"):
        FitErrors(
            group=np.zeros(2, np.uint64), squared=np.zeros(2), count=np.zeros(2, np.int64), **REST
        )


def test_errors_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        FitErrors(
            group=np.zeros(2, np.uint64),
            squared=np.array([1.0, np.nan]),
            count=np.full(2, 2),
            **REST,
        )


def test_rmse_is_pooled_over_coordinates_as_in_the_competition() -> None:
    fit = FitErrors(
        group=np.array([7, 8], np.uint64),
        squared=np.array([25.0, 25.0]),
        count=np.array([2, 4]),
        **REST,
    )
    assert fit.rmse == pytest.approx(np.sqrt(50 / 6))


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        FitErrors(
            group=np.zeros(3, np.uint64), squared=np.ones(2), count=np.ones(2, np.int64), **REST
        )
