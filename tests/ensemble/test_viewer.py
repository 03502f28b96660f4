"""A model asked about views: warped where it sees the face, told where that is in the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_ensemble import cascade, images, member, plain_mean

from fkd_core.augment.frames import from_frame, straightened
from fkd_core.data.faces import Faces
from fkd_core.ensemble.predictor import Predictor, save
from fkd_core.ensemble.questions import Question, answer
from fkd_core.ensemble.trained import TrainedMember
from fkd_core.ensemble.viewer import Viewer
from fkd_core.ensemble.views import VIEWS, Nudge, View
from fkd_core.fitting.aligned import front, straighten
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.predict import predict
from fkd_core.fitting.store import FitStore

NUDGE = Nudge(3.0, 1.03, 0.7, -0.7)


def onto(shape: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.float64]:
    """[n, 2, 3] similarities from points [n, 15, 2] to the shape [15, 2], by least squares."""
    found = []
    for face in points.astype(np.float64):
        (x, y), ones = face.T, np.ones(15)
        rows = np.concatenate(
            [np.stack([x, -y, ones, 0 * ones], axis=1), np.stack([y, x, 0 * ones, ones], axis=1)]
        )
        a, b, *_ = np.linalg.lstsq(rows, shape.T.ravel(), rcond=None)[0]
        bound = np.clip(np.hypot(a, b), 0.5, 2.0) / np.hypot(a, b)  # an untrained stage asks much
        linear = bound * np.array([[a, -b], [b, a]])
        shift = shape.mean(axis=0) - linear @ face.mean(axis=0)
        found.append(np.concatenate([linear, shift[:, None]], axis=1))
    return np.stack(found)


@pytest.fixture(scope="module")
def aligned(backend: str, faces: Faces) -> TrainedMember:
    return cascade(faces, backend)


def test_without_a_nudge_a_view_is_the_chain_s_own_answer(
    aligned: TrainedMember, faces: Faces
) -> None:
    fit, shown = aligned.fits[0], faces.images[:5]
    said = Viewer(fit.spec, fit.load()).said(shown, VIEWS["warps"])
    np.testing.assert_allclose(said[0], predict(fit.spec, fit.load(), shown), atol=1e-4)
    mirrored = VIEWS["mirror"][1]
    by_hand = mirrored.undo(predict(fit.spec, fit.load(), mirrored.of(shown)), fit.spec.taught)
    np.testing.assert_allclose(said[VIEWS["warps"].index(mirrored)], by_hand, atol=1e-4)


def test_a_cascade_sees_a_nudge_in_its_last_frame(aligned: TrainedMember, faces: Faces) -> None:
    fit, shown = aligned.fits[0], faces.images[:5]
    stage, weights = fit.spec.stages[0], fit.load()
    here = next(n for n, weight in enumerate(weights) if weight.shape == (15, 2))
    before, shape, own = weights[:here], weights[here], weights[here + 1 :]
    _, frames = straighten(front(stage, before, shape), shown)
    nudged = NUDGE.after(frames)
    alone = replace(fit.spec, aligned_by=None)
    by_hand = from_frame(predict(alone, own, straightened(shown, nudged)), nudged)
    plain, said, still = Viewer(fit.spec, weights).said(
        shown, [View(), View(nudge=NUDGE), View(nudge=Nudge())]
    )
    np.testing.assert_allclose(said, by_hand, atol=1e-4)
    assert np.abs(said - plain).max() > 0.1
    # Two samplings, the chain's and that of training copies, show the same to a gray level.
    np.testing.assert_allclose(still, plain, atol=0.1)


def test_a_settled_view_shows_the_face_where_the_others_have_found_it(
    aligned: TrainedMember, faces: Faces
) -> None:
    fit, shown = aligned.fits[0], faces.images[:5]
    stage, weights = fit.spec.stages[0], fit.load()
    here = next(n for n, weight in enumerate(weights) if weight.shape == (15, 2))
    before, shape, own = weights[:here], weights[here], weights[here + 1 :]
    _, frames = straighten(front(stage, before, shape), shown)
    np.testing.assert_allclose(onto(shape, predict(stage, before, shown)), frames, atol=1e-2)

    settled = [View(settled=True), View(True, nudge=NUDGE, settled=True)]
    plain, mirrored, *said = Viewer(fit.spec, weights).said(shown, [*VIEWS["mirror"], *settled])
    found = (plain + mirrored) / 2
    alone = replace(fit.spec, aligned_by=None)
    for view, answer_in_view in zip(settled, said, strict=True):
        frame = onto(shape, view.shown(found, fit.spec.taught))
        frame = view.nudge.after(frame) if view.nudge else frame
        picture = straightened(view.of(shown), frame)
        by_hand = from_frame(predict(alone, own, picture), frame).astype(np.float32)
        by_hand = view.undo(by_hand, fit.spec.taught)
        np.testing.assert_allclose(answer_in_view, by_hand, atol=1e-2)
        assert np.abs(answer_in_view - plain).max() > 0.01
    with pytest.raises(ValueError, match="needs others"):
        Viewer(fit.spec, weights).said(shown, settled)


def test_a_fit_that_is_not_aligned_has_nothing_to_settle(backend: str, faces: Faces) -> None:
    fit, shown = member("lenet5", backend=backend).fits[0], faces.images[:3]
    plain, settled = Viewer(fit.spec, fit.load()).said(shown, [View(), View(settled=True)])
    np.testing.assert_allclose(settled, plain, atol=0.05)


def test_any_other_fit_sees_the_picture_itself_nudged(backend: str, faces: Faces) -> None:
    fit, shown = member("lenet5", backend=backend).fits[0], faces.images[:3]
    frames = NUDGE.after(np.tile(np.eye(2, 3), (3, 1, 1)))
    by_hand = from_frame(predict(fit.spec, fit.load(), straightened(shown, frames)), frames)
    (said,) = Viewer(fit.spec, fit.load()).said(shown, [View(nudge=NUDGE)])
    np.testing.assert_allclose(said, by_hand, atol=1e-4)


def test_a_saved_cascade_predicts_the_mean_over_its_fits_and_warps(
    aligned: TrainedMember, faces: Faces, tmp_path: Path
) -> None:
    save(tmp_path, [plain_mean([aligned])], tta="warps", made_by={})
    shown = np.concatenate([faces.images[:3], images(2)])
    said = [answer(fit.spec, fit.load(), shown, VIEWS["warps"]) for fit in aligned.fits]
    assert np.shape(said) == (2, 10, 5, 15, 2)
    found = Predictor.load(tmp_path).predict(shown)
    np.testing.assert_allclose(found, np.mean(said, axis=(0, 1)).clip(0, 96), atol=1e-4)


def test_every_part_of_a_nudge_is_part_of_the_question(
    aligned: TrainedMember, faces: Faces, tmp_path: Path
) -> None:
    fits = Fits(FitStore(tmp_path), faces.fingerprint)
    views = [
        View(),
        View(nudge=Nudge()),
        View(nudge=NUDGE),
        View(nudge=NUDGE, settled=True),
        *(View(nudge=replace(NUDGE, **{name: 0.5})) for name in vars(NUDGE)),
    ]
    keys = {Question(aligned.spec, images(), (view,)).key(fits) for view in views}
    assert len(keys) == len(views) == 8
