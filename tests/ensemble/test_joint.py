"""Joint members: in the stack of every source that they were taught, out of fold in each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from built_ensemble import Built, member
from local_session import LocalSession

from fkd_core.data.faces import Faces
from fkd_core.data.folds import split
from fkd_core.data.grouping import photographs
from fkd_core.data.kaggle import Lookup
from fkd_core.ensemble.export import export
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.predictor import Predictor, save
from fkd_core.ensemble.shipping import shrunk, whole
from fkd_core.ensemble.stacking.stack import stack
from fkd_core.ensemble.stacking.stacker import STACKERS
from fkd_core.ensemble.submission import merged
from fkd_core.ensemble.views import VIEWS
from fkd_core.errors import UserError
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.predict import predict
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.store import FitStore
from fkd_core.sources import PIPELINES, SOURCES

JOINT = PIPELINES["joint"]


@pytest.fixture(scope="module")
def joint(faces: Faces, backend: str, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A joint member beside a specialist of the same model, crossed and mirrored."""
    folder = tmp_path_factory.mktemp("joint")
    group = faces.group.copy()
    group[40] = group[3]  # a photograph that both annotators labelled
    faces = replace(faces, group=group)
    members = [member(backend, "joint"), member(backend, "complete")]
    ensemble = OutOfFold(members, faces, faces.images[:5][:, ::-1], "mirror", crossed=True)
    fits = Fits(FitStore(folder / "fits"), faces.fingerprint)
    session, predictions = LocalSession(faces), FitStore(folder / "predictions")
    session.train(ensemble.fits, fits)
    tables = ensemble.tables(session, fits, predictions)  # type: ignore[arg-type]
    return Built(ensemble, fits, predictions, session, tables)


def test_it_is_in_both_stacks_under_a_name_of_its_own(joint: Built) -> None:
    assert [*joint.tables] == ["complete", "partial"]
    assert joint.tables["complete"].members == ("joint-lenet5", "lenet5")
    assert joint.tables["partial"].members == ("joint-lenet5",)
    assert joint.tables["complete"].own.shape[2:] == (15, 2)
    assert joint.tables["partial"].own.shape[2:] == (4, 2)


def test_every_face_is_seen_by_fits_that_never_saw_its_group(joint: Built) -> None:
    faces, asked = joint.ensemble.faces, []
    for fit in joint.ensemble.members[0].fits:
        trained = split(faces, JOINT, fit.split).train
        shown = joint.ensemble.held_out(fit)
        asked += shown.tolist()
        assert not set(faces.group[shown]) & set(faces.group[trained])
    assert sorted(asked) == list(range(len(faces)))


@pytest.mark.parametrize("source", SOURCES)
def test_the_table_holds_the_columns_of_its_source(joint: Built, source: str) -> None:
    table, faces = joint.tables[source], joint.ensemble.faces
    for fit in joint.ensemble.members[0].fits:
        result = joint.fits.get(fit)
        assert isinstance(result, FitResult)
        rows = table.fold[0] == fit.split.fold
        own = np.isin(result.row, faces.row[table.index])
        assert faces.row[table.index[rows]].tolist() == result.row[own].tolist()
        said = result.predictions[own][:, JOINT.of(source)]
        np.testing.assert_allclose(table.plain[0][rows], said, atol=1e-3)


def test_crossed_it_says_of_a_face_what_it_thinks_in_the_other_style(joint: Built) -> None:
    complete, partial = joint.tables["complete"], joint.tables["partial"]
    assert complete.other.shape == (len(complete.index), 8)
    assert partial.other.shape == (len(partial.index), 30 + 30)  # its own and the specialist's
    np.testing.assert_allclose(complete.test_other, partial.test[0].reshape(5, -1), atol=1e-4)


def test_a_copy_across_sources_stops_a_joint_deal_but_no_specialist(
    joint: Built, tmp_path: Path
) -> None:
    faces, complete, partial = joint.ensemble.faces, *joint.tables.values()
    noise = np.random.default_rng(0).integers(0, 256, faces.images.shape).astype(np.uint8)
    apart = replace(joint.ensemble, faces=replace(faces, images=noise))
    apart.check(photographs(noise, tmp_path))
    here = complete.index[complete.fold[0] == 0][0]
    there = partial.index[partial.fold[0] == 1][0]
    images = noise.copy()
    images[there] = images[here]
    planted = replace(joint.ensemble, faces=replace(faces, images=images))
    with pytest.raises(UserError, match="in different folds"):
        planted.check(photographs(images, tmp_path))
    replace(planted, members=planted.members[1:]).check(photographs(images, tmp_path))


def test_one_saved_joint_member_answers_in_both_styles(joint: Built, tmp_path: Path) -> None:
    ensemble = replace(joint.ensemble, members=joint.ensemble.members[:1], crossed=False)
    tables = ensemble.tables(joint.session, joint.fits, joint.predictions)  # type: ignore[arg-type]
    stacked = {name: stack(t, {"mean": STACKERS["mean"]}, "mean") for name, t in tables.items()}
    save(tmp_path, whole(ensemble, stacked, joint.fits), tta="mirror", made_by={})
    weights = sorted(path.parent.name for path in (tmp_path / "joint").glob("*/*.npz"))
    assert weights == ["lenet5"] * 3
    assert [*tmp_path.glob("complete/*")] == [tmp_path / "complete" / "stacker.npz"]

    predictor, tests = Predictor.load(tmp_path), ensemble.test_images
    assert tests is not None
    said = {name: predictor.predict(tests, name) for name in predictor.pipelines}
    for name, points in said.items():
        np.testing.assert_allclose(points, stacked[name].tests.clip(0, 96), atol=1e-3)
    lookup = Lookup(
        row_id=np.arange(1, 4, dtype=np.int32),
        image_id=np.array([1, 1, 2], np.int32),
        keypoint=np.array([10, 3, 10], np.int8),
        axis=np.array([0, 1, 1], np.int8),
    )
    locations = merged(lookup, np.arange(1, 6), said)
    wanted = [said["complete"][0, 10, 0], said["complete"][0, 3, 1], said["partial"][1, 2, 1]]
    np.testing.assert_allclose(locations, wanted)


def test_exported_it_gives_the_pixels_of_the_style_asked_for(
    joint: Built, backend: str, tmp_path: Path
) -> None:
    if backend != "tensorflow":
        pytest.skip("models are exported under TensorFlow")
    import tensorflow as tf

    ensemble = replace(joint.ensemble, members=joint.ensemble.members[:1], crossed=False)
    tables = ensemble.tables(joint.session, joint.fits, joint.predictions)  # type: ignore[arg-type]
    stacked = {name: stack(t, {"mean": STACKERS["mean"]}, "mean") for name, t in tables.items()}
    save(tmp_path, whole(ensemble, stacked, joint.fits), tta="none", made_by={})
    fit, shown = ensemble.members[0].fits[0], ensemble.faces.images[:3]
    weights = joint.fits.weights(fit)
    assert weights is not None
    said = [v.undo(predict(fit, weights, v.of(shown)), JOINT) for v in VIEWS["mirror"]]
    expected = np.mean(said, axis=0)[:, JOINT.of("partial")]
    out = export(tmp_path, "savedmodel", tmp_path / "out", "partial", say=lambda line: None)
    serve = tf.saved_model.load(str(out)).signatures["serving_default"]
    pixels = serve(gray=tf.constant(shown[..., None].astype(np.float32)))["pixels"].numpy()
    np.testing.assert_allclose(pixels, expected.reshape(3, 8), atol=1e-2)


def test_halves_with_the_same_members_share_their_size_as_they_share_their_fits(
    joint: Built,
) -> None:
    ensemble = replace(joint.ensemble, members=joint.ensemble.members[:1], crossed=False)
    tables = ensemble.tables(joint.session, joint.fits, joint.predictions)  # type: ignore[arg-type]
    stacked = {name: stack(t, {"mean": STACKERS["mean"]}, "mean") for name, t in tables.items()}
    halves = whole(ensemble, stacked, joint.fits)
    result = joint.fits.get(halves[0].members[0].spec)
    assert isinstance(result, FitResult)
    one = 4 * result.parameters / 1e6
    small = shrunk(halves, stacked, joint.fits, 1.5 * one)
    assert [each.fits for each in small] == [{"joint-lenet5": 1}] * 2
    assert [each.megabytes for each in small] == [pytest.approx(one)] * 2
    Predictor(tuple(each.half for each in small))  # is in order
    with pytest.raises(UserError, match=f"within {0.5 * one:g} MB"):
        shrunk(halves, stacked, joint.fits, 0.5 * one)


def test_halves_may_not_share_a_joint_member_that_differs(joint: Built) -> None:
    ensemble = replace(joint.ensemble, members=joint.ensemble.members[:1], crossed=False)
    tables = ensemble.tables(joint.session, joint.fits, joint.predictions)  # type: ignore[arg-type]
    stacked = {name: stack(t, {"mean": STACKERS["mean"]}, "mean") for name, t in tables.items()}
    complete, partial = whole(ensemble, stacked, joint.fits)
    (one,) = partial.members
    fits = tuple(
        replace(fit, spec=replace(fit.spec, training=replace(fit.spec.training, epochs=9)))
        for fit in one.fits
    )
    other = replace(partial, members=(replace(one, fits=fits),))
    with pytest.raises(ValueError, match="not the same in all halves"):
        Predictor((complete, other))
