"""A joint fit: one network for the faces of several sources, each judged in its own style."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fkd_core.augment.policy import Policy, Step
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split, split
from fkd_core.fitting.fit import fit
from fkd_core.fitting.result import Failed, FitResult, from_record, to_record
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models.lenet5 import LeNet5
from fkd_core.sources import PIPELINES

JOINT = PIPELINES["joint"]


@pytest.fixture(scope="module")
def spec(backend: str) -> FitSpec:
    return FitSpec(
        LeNet5.tiny(),
        "joint",
        split=Split("all", folds=3),
        training=Training(epochs=3, batch_size=16),
        policy=Policy((Step("shift", 1.0, 0.5),)),
        backend=backend,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def mixed(faces: Faces) -> Faces:
    """One complete face has five labels only, and one photograph was labelled by both."""
    points, group = faces.points.copy(), faces.group.copy()
    points[2, 5:] = np.nan
    group[40] = group[3]
    return replace(faces, points=points, group=group)


@pytest.fixture(scope="module")
def result(spec: FitSpec, mixed: Faces) -> FitResult:
    outcome = fit(spec, mixed)
    assert isinstance(outcome, FitResult), outcome
    return outcome


def test_faces_of_all_sources_train_whatever_they_give(spec: FitSpec, mixed: Faces) -> None:
    parts = [split(mixed, JOINT, replace(spec.split, fold=fold)) for fold in range(3)]
    held_out = np.concatenate([part.held_out for part in parts])
    assert sorted(held_out.tolist()) == list(range(len(mixed)))
    for part in parts:
        assert set(mixed.source[part.train]) == set(mixed.source[part.held_out]) == {0, 1}
        assert not set(mixed.group[part.train]) & set(mixed.group[part.held_out])


def test_each_face_is_scored_in_the_style_of_its_source(result: FitResult, mixed: Faces) -> None:
    held_out = split(mixed, JOINT, result.spec.split).held_out
    assert result.predictions.shape == (len(held_out), 19, 2)
    assert result.row.tolist() == mixed.row[held_out].tolist()
    own = np.isfinite(mixed.take(held_out).targets(JOINT)).all(axis=2)
    np.testing.assert_array_equal(result.labelled, own)
    complete = mixed.source[held_out] == 0
    assert not result.labelled[complete, 15:].any()
    assert not result.labelled[~complete, :15].any()
    truth = mixed.points[held_out][:, list(JOINT.keypoints)]
    wrong = np.square(result.predictions.astype(np.float64) - truth)[own]
    assert result.rmse == pytest.approx(np.sqrt(wrong.mean()))


def test_every_source_moves_the_weights(spec: FitSpec, mixed: Faces, result: FitResult) -> None:
    for source in (0, 1):
        points = mixed.points.copy()
        points[mixed.source == source] += 3
        other = fit(spec, replace(mixed, points=points))
        assert isinstance(other, FitResult)
        assert np.abs(other.predictions - result.predictions).max() > 0.1


def test_its_record_gives_it_back(result: FitResult) -> None:
    record, arrays = to_record(result.spec, result)
    assert record["summary"]["pipeline"] == "joint"
    back = from_record(record, arrays)
    assert not isinstance(back, Failed)
    assert back.spec == result.spec
    assert back.rmse == result.rmse
    np.testing.assert_array_equal(back.predictions, result.predictions)


def test_some_keypoints_may_be_taught_in_every_style(spec: FitSpec, mixed: Faces) -> None:
    outcome = fit(replace(spec, keypoints=(0, 10)), mixed)
    assert isinstance(outcome, FitResult), outcome
    assert outcome.spec.taught.columns == (
        *(("complete", 0), ("complete", 10)), *(("partial", 0), ("partial", 10)),
    )  # fmt: skip
    assert outcome.predictions.shape[1] == 4
