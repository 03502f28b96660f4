"""Outcomes come back from the store as they went in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fkd_core.data.folds import Split
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FIGURES, Failed, FitResult, from_record, to_record
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.conv5 import Conv5

SPEC = FitSpec(Conv5.tiny(), "partial", Split(fold=1), Training(epochs=4))
FAILED = Failed("the loss became inf in epoch 3")


def result(spec: FitSpec = SPEC) -> FitResult:
    rng = np.random.default_rng(0)
    labelled = np.array([[True, True, False, True], [True, False, False, True]])
    return FitResult(
        spec=spec,
        history={name: np.array([1.0, np.nan, 0.5, 0.25]) for name in FIGURES},
        predictions=rng.normal(size=(2, 4, 2)).astype(np.float32),
        row=np.array([7, 3], np.int32),
        group=np.array([2**64 - 1, 5], np.uint64),
        squared=np.where(labelled, 4.0, 0.0),
        labelled=labelled,
        parameters=1000,
        train_faces=11,
        train_rmse=1.25,
        best_epoch=4,
        seconds={"train": 0.5, "load": 0.125},
        versions={"keras": "3"},
    )


def test_a_result_comes_back_from_the_disk_as_it_was(tmp_path: Path) -> None:
    put = result()
    Fits(FitStore(tmp_path), "faces").keep(SPEC, put)
    got = Fits(FitStore(tmp_path), "faces").get(SPEC)
    assert isinstance(got, FitResult)
    assert got.spec == put.spec
    for name in ("predictions", "row", "group", "squared", "labelled"):
        value = getattr(got, name)
        np.testing.assert_array_equal(value, getattr(put, name), strict=True)
    for name in FIGURES:
        np.testing.assert_array_equal(got.history[name], put.history[name], strict=True)
    for name in ("train_faces", "train_rmse", "best_epoch", "seconds", "versions", "rmse"):
        assert getattr(got, name) == getattr(put, name)


def test_a_failure_comes_back_with_its_reason(tmp_path: Path) -> None:
    fits = Fits(FitStore(tmp_path), "faces")
    fits.keep(SPEC, FAILED)
    assert fits.get(SPEC) == FAILED
    assert fits.store.rows()[0]["failure"] == FAILED.reason


def test_what_a_worker_sends_is_kept_and_given_back(tmp_path: Path) -> None:
    fits = Fits(FitStore(tmp_path), "faces")
    record, arrays = to_record(SPEC, result())
    outcome = fits.put(SPEC, record, dict(arrays))
    assert isinstance(outcome, FitResult)
    assert outcome.rmse == result().rmse
    assert SPEC in fits


def test_a_fit_is_known_by_its_spec_and_its_faces_alone(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    Fits(store, "faces").keep(SPEC, FAILED)
    again = FitSpec.from_json(SPEC.to_json())
    assert again in Fits(store, "faces")
    assert again not in Fits(store, "other faces")
    assert FitSpec(Conv5()) not in Fits(store, "faces")
    assert Fits(store, "other faces").get(SPEC) is None


def test_the_first_outcome_stays(tmp_path: Path) -> None:
    fits = Fits(FitStore(tmp_path), "faces")
    fits.keep(SPEC, result())
    fits.keep(SPEC, FAILED)
    assert isinstance(fits.get(SPEC), FitResult)


def test_the_summary_says_what_a_listing_shows() -> None:
    summary = to_record(SPEC, result())[0]["summary"]
    assert summary["rmse"] == pytest.approx(np.sqrt(4.0 * 5 / (2 * 5)))
    assert (summary["model"], summary["fold"], summary["seconds"]) == ("conv5", 1, 0.625)
    assert isinstance(from_record(*to_record(SPEC, result())), FitResult)


def test_figures_by_keypoint_and_at_half_length() -> None:
    got = result()
    np.testing.assert_allclose(got.keypoint_rmse, [np.sqrt(2)] * 2 + [np.nan, np.sqrt(2)])
    assert got.half_rmse == 1.0


def test_weights_are_kept_where_they_were_asked_for(tmp_path: Path) -> None:
    fits = Fits(FitStore(tmp_path), "faces")
    weights = [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros(1, np.float32)]
    fits.keep(SPEC, replace(result(), weights=weights))
    kept = fits.weights(SPEC)
    assert kept is not None
    for one, other in zip(kept, weights, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    assert fits.weights(replace(SPEC, seed=1)) is None
