"""An aligned fit is a fit: one chain, nothing that is held out seen on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fkd_core.augment.frames import from_frame, to_frame
from fkd_core.augment.policy import Policy, Step
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split, split
from fkd_core.fitting.aligned import mean_shape, similarities
from fkd_core.fitting.fit import fit
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.predict import predict
from fkd_core.fitting.result import Failed, FitResult, Stopped, from_record, to_record
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.inventory.redoing import redo
from fkd_core.models.lenet5 import LeNet5
from fkd_core.sources import COMPLETE

POLICY = Policy((Step("rotation", 0.5, 0.1), Step("mirror")))


def chain(backend: str, **changes: Any) -> FitSpec:
    """A tiny LeNet5 that is aligned by another."""
    stage = FitSpec(
        LeNet5.tiny(),
        split=Split(family="all", folds=4),
        training=Training(epochs=30, batch_size=16),
        backend=backend,  # type: ignore[arg-type]
    )
    training = Training(epochs=3, batch_size=16)
    spec = replace(stage, training=training, policy=POLICY, copies=2, aligned_by=stage)
    return replace(spec, **changes)


@pytest.fixture(scope="module")
def before(faces: Faces, backend: str) -> FitResult:
    stage = chain(backend).aligned_by
    assert stage is not None
    return whole(fit(stage, faces, keep_weights=True))


@pytest.fixture(scope="module")
def aligned(faces: Faces, backend: str, before: FitResult) -> FitResult:
    shown = faces.images[-3:]
    return whole(
        fit(chain(backend), faces, keep_weights=True, before=before.weights, others=shown)
    )


def whole(outcome: Any) -> FitResult:
    assert isinstance(outcome, FitResult), outcome
    return outcome


def test_the_chain_says_what_the_fit_said(aligned: FitResult, faces: Faces) -> None:
    said = predict(aligned.spec, aligned.weights, held_out(faces, aligned))
    np.testing.assert_allclose(said, aligned.predictions, atol=0.01)
    others = predict(aligned.spec, aligned.weights, faces.images[-3:])
    np.testing.assert_allclose(others, aligned.others, atol=0.01)
    assert aligned.parameters == sum(weight.size for weight in aligned.weights)


def held_out(faces: Faces, result: FitResult) -> Any:
    """The images whose predictions it holds."""
    return faces.images[[list(faces.row).index(row) for row in result.row]]


def test_errors_are_in_pixels_of_the_picture(aligned: FitResult, faces: Faces) -> None:
    scored = split(faces, COMPLETE, aligned.spec.split).held_out
    error = aligned.predictions - faces.points[scored]
    assert aligned.rmse == pytest.approx(np.sqrt(np.nanmean(error**2)), rel=1e-5)
    assert aligned.history["held_out_rmse"][-1] == pytest.approx(aligned.rmse, rel=1e-5)


def test_without_the_stage_s_weights_the_fit_does_it_first(
    aligned: FitResult, faces: Faces
) -> None:
    again = whole(fit(aligned.spec, faces))
    np.testing.assert_array_equal(again.predictions, aligned.predictions)


def test_a_face_is_straightened_and_put_back(faces: Faces) -> None:
    labelled = np.isfinite(faces.points[:40]).all(axis=(1, 2))
    images, points = faces.images[:40][labelled], faces.points[:40][labelled]
    shape = mean_shape(points)
    assert shape.mean(axis=0) == pytest.approx(47.5)
    shown, similarity = straightened(images, points, shape)
    frames = similarities(similarity)
    there = to_frame(points, frames)
    np.testing.assert_allclose(from_frame(there, frames), points, atol=0.02)
    assert np.abs(there - shape).mean() < 0.5 < 4 < np.abs(points - shape).mean()
    # Every picture is read where the frame says: the brightest blob lies where its point went.
    brightest = np.array([np.unravel_index(i.argmax(), i.shape)[::-1] for i in shown])
    assert np.abs(brightest - there[:, 14]).max() < 3


def straightened(images: Any, points: Any, shape: Any) -> tuple[Any, Any]:
    """What the layer makes of pictures whose points are known."""
    from keras import ops

    from fkd_core.layers import Straighten

    layer = Straighten(len(shape))
    gray = ops.convert_to_tensor(images[..., None].astype(np.float32))
    pixels = ops.convert_to_tensor(points.reshape(len(points), -1).astype(np.float32))
    layer.build([gray.shape, pixels.shape])
    layer.set_weights([shape])
    shown, similarity = layer([gray, pixels])
    return np.asarray(shown)[..., 0], np.asarray(similarity)


def test_points_that_are_no_face_still_give_a_picture() -> None:
    from keras import ops

    from fkd_core.layers import Restore

    images = np.random.default_rng(0).integers(0, 256, (2, 96, 96))
    points = np.stack([np.full((15, 2), 47.5), np.linspace(-1e4, 1e4, 30).reshape(15, 2)])
    shape = np.linspace(20, 70, 30, dtype=np.float32).reshape(15, 2)
    shown, similarity = straightened(images, points, shape)
    assert np.isfinite(shown).all()
    np.testing.assert_allclose(np.hypot(*similarity[:, :2].T), 0.5, rtol=1e-5)
    pixels = points.reshape(2, 30).astype(np.float32)
    back = Restore()([ops.convert_to_tensor(pixels), ops.convert_to_tensor(similarity)])
    assert np.isfinite(np.asarray(back)).all()


def test_three_stages_are_one_chain_and_come_back_from_json(
    aligned: FitResult, faces: Faces, backend: str
) -> None:
    spec = replace(chain(backend, aligned_by=aligned.spec), model=LeNet5.tiny())
    assert spec.name == "lenet5+lenet5+lenet5"
    assert FitSpec.from_json(spec.to_json()) == spec
    third = whole(fit(spec, faces, keep_weights=True, before=aligned.weights))
    said = predict(spec, third.weights, held_out(faces, third))
    np.testing.assert_allclose(said, third.predictions, atol=0.01)
    record, arrays = to_record(spec, third)
    assert from_record(record, arrays).spec == spec  # type: ignore[union-attr]


def test_a_joint_chain_aligns_by_the_first_source_s_points(faces: Faces, backend: str) -> None:
    stage = FitSpec(LeNet5.tiny(), "joint", training=Training(epochs=2, batch_size=16))
    spec = replace(stage, aligned_by=stage, policy=POLICY, copies=2).everywhere(backend=backend)
    result = whole(fit(spec, faces, keep_weights=True))
    assert result.predictions.shape[1] == 19
    assert (15, 2) in [weight.shape for weight in result.weights]
    said = predict(spec, result.weights, held_out(faces, result))
    np.testing.assert_allclose(said, result.predictions, atol=0.01)


@pytest.mark.parametrize(
    "other",
    [{"split": Split(family="all", folds=4, fold=1)}, {"pipeline": "partial"}, {"threads": 2}],
)
def test_a_stage_that_saw_what_is_held_out_is_refused(backend: str, other: Any) -> None:
    spec = chain(backend)
    stage = replace(spec.aligned_by, **other)  # type: ignore[type-var]
    with pytest.raises(ValueError, match=next(iter(other))):
        replace(spec, aligned_by=stage)
    with pytest.raises(ValueError, match="everywhere"):  # nor may the fit alone change its fold
        replace(spec, **other)
    moved = spec.everywhere(**other)
    assert [getattr(s, next(iter(other))) for s in moved.stages] == [*other.values()] * 2


def test_held_out_labels_reach_no_stage(aligned: FitResult, faces: Faces) -> None:
    scored = split(faces, COMPLETE, aligned.spec.split).held_out
    points = faces.points.copy()
    points[scored] = 95 - points[scored]
    again = whole(fit(aligned.spec, replace(faces, points=points)))
    np.testing.assert_array_equal(again.predictions, aligned.predictions)


def test_it_goes_on_from_a_checkpoint(
    aligned: FitResult, before: FitResult, faces: Faces, tmp_path: Path
) -> None:
    spec = aligned.spec
    stopped = fit(spec, faces, lambda epoch, _: epoch == 2, before=before.weights, cache=tmp_path)
    assert isinstance(stopped, Stopped)
    rest = whole(fit(spec, faces, resume=stopped.checkpoint, before=before.weights))
    np.testing.assert_array_equal(rest.predictions, aligned.predictions)


def test_a_stage_that_fails_is_said(faces: Faces, backend: str) -> None:
    outcome = fit(chain(backend), faces.take([0]))
    assert isinstance(outcome, Failed)
    assert "lenet5, which is to align: impossible: no training faces" in outcome.reason


def test_a_kept_chain_is_redone_from_its_kept_stage(
    aligned: FitResult, before: FitResult, faces: Faces, tmp_path: Path
) -> None:
    fits = Fits(FitStore(tmp_path / "fits"), faces.fingerprint)
    fits.keep(before.spec, before)
    fits.keep(aligned.spec, aligned)
    again = redo(fits.store, fits.key(aligned.spec), faces, tmp_path / "cache")
    assert again.same
