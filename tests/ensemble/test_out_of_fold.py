"""Out-of-fold tables: who is asked about whom, and what becomes of the answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from built_ensemble import Built

from fkd_core.data.folds import split
from fkd_core.data.grouping import photographs
from fkd_core.ensemble.said import said
from fkd_core.ensemble.stacking.stack import stack
from fkd_core.ensemble.stacking.stacker import STACKERS
from fkd_core.ensemble.views import VIEWS
from fkd_core.errors import UserError
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.predict import predict
from fkd_core.fitting.result import Failed, FitResult
from fkd_core.fitting.store import FitStore
from fkd_core.report.ensemble import plan_sheet
from fkd_core.sources import PIPELINES


def test_every_labelled_face_of_a_pipeline_is_in_its_table_once(built: Built) -> None:
    faces = built.ensemble.faces
    for name, table in built.tables.items():
        own = faces.labelled(PIPELINES[name])
        assert table.index.tolist() == np.flatnonzero(own).tolist()
        assert sorted(set(table.fold[0])) == [0, 1, 2]
        keypoints = list(PIPELINES[name].keypoints)
        np.testing.assert_array_equal(table.truth, faces.points[own][:, keypoints])


def test_no_fit_is_asked_about_an_image_group_that_it_trained_on(built: Built) -> None:
    faces, asked = built.ensemble.faces, 0
    for fit in built.ensemble.fits:
        trained = split(faces, PIPELINES[fit.pipeline], fit.split).train
        shown = built.ensemble.held_out(fit)
        asked += len(shown)
        assert not set(faces.group[shown]) & set(faces.group[trained])
    assert asked == 3 * len(faces)  # three members' seeds, each face once


def test_without_augmentation_the_table_holds_what_the_fits_themselves_predicted(
    built: Built,
) -> None:
    table = built.tables["partial"]
    fits = built.ensemble.members[1].fits
    for fit in fits:
        result = built.fits.get(fit)
        assert isinstance(result, FitResult)
        rows = table.fold[0] == fit.split.fold
        assert built.ensemble.faces.row[table.index[rows]].tolist() == result.row.tolist()
        np.testing.assert_allclose(table.plain[0][rows], result.predictions, atol=1e-3)


def test_the_folds_answer_test_images_each_and_together(built: Built) -> None:
    for table in built.tables.values():
        assert table.by_part.shape == (3, *table.test.shape)
        assert table.by_part.std(axis=0).min() > 0
        np.testing.assert_allclose(table.by_part.mean(axis=0), table.test, atol=1e-4)


def test_members_are_compared_on_the_same_faces_of_each_fold(built: Built) -> None:
    table = built.tables["complete"]
    twice = replace(table, plain=np.stack([table.plain[0], table.truth]), members=("one", "truth"))
    errors = twice.errors_by_fold()
    assert errors.shape == (3, 2)
    for fold, (own, none) in enumerate(errors):
        squares = np.square(table.plain[0] - table.truth)[table.fold[0] == fold]
        assert own == pytest.approx(float(np.sqrt(np.nanmean(squares))), rel=1e-5)
        assert none == 0.0


def test_seeds_and_views_are_averaged(built: Built) -> None:
    faces, table = built.ensemble.faces, built.tables["complete"]
    row = 7
    said = []
    for fit in built.ensemble.members[0].fits:
        if fit.split.fold == table.fold[0, row]:
            weights = built.fits.weights(fit)
            assert weights is not None
            for view in VIEWS["mirror"]:
                shown = view.of(faces.images[table.index[[row]]])
                said.append(view.undo(predict(fit, weights, shown), PIPELINES["complete"])[0])
    assert len(said) == 4
    np.testing.assert_allclose(table.own[0, row], np.mean(said, axis=0), atol=1e-3)


def test_how_a_member_errs_with_mirror_pictures_is_known_where_these_are_among_the_views(
    built: Built,
) -> None:
    table = built.tables["complete"]  # its views are these two alone
    error = (table.own[0] - table.truth)[np.isfinite(table.truth)]
    rmse = table.rmse_mirrored(table.members[0])
    assert rmse == pytest.approx(float(np.sqrt(np.mean(np.square(error, dtype=np.float64)))))
    assert replace(table, mirrored=None).rmse_mirrored(table.members[0]) is None


def test_test_images_get_the_mean_over_all_fits(built: Built) -> None:
    fits = built.ensemble.members[1].fits
    said = []
    for fit in fits:
        weights = built.fits.weights(fit)
        assert weights is not None
        for view in VIEWS["mirror"]:
            shown = view.of(built.ensemble.test_images)  # type: ignore[arg-type]
            said.append(view.undo(predict(fit, weights, shown), PIPELINES["partial"]))
    np.testing.assert_allclose(built.tables["partial"].test[0], np.mean(said, axis=0), atol=1e-3)


def test_crossed_pipelines_say_what_they_think_of_each_others_faces(built: Built) -> None:
    complete, partial = built.tables["complete"], built.tables["partial"]
    assert complete.other.shape == (len(complete.index), 8)
    assert partial.other.shape == (len(partial.index), 30)
    assert partial.test_other.shape == (5, 30)
    np.testing.assert_allclose(complete.test_other, partial.test[0].reshape(5, -1), atol=1e-4)


def test_nothing_is_asked_twice(built: Built) -> None:
    before = len(built.session.asked)
    assert before == len(built.ensemble.fits)
    again = built.ensemble.tables(built.session, built.fits, built.predictions)  # type: ignore[arg-type]
    assert len(built.session.asked) == before
    for name, table in again.items():
        np.testing.assert_array_equal(table.own, built.tables[name].own)


def test_without_test_images_the_same_faces_are_stacked_and_scored(built: Built) -> None:
    alone = replace(built.ensemble, test_images=None)
    tables = alone.tables(built.session, built.fits, built.predictions)  # type: ignore[arg-type]
    table = tables["complete"]
    np.testing.assert_allclose(table.own, built.tables["complete"].own, atol=1e-4)
    for name in ("mean", "ridge"):
        stacked = stack(table, {n: STACKERS[n] for n in ("mean", name)}, name)
        assert stacked.tests.shape == (0, 15, 2)
        assert stacked.spread is None
        assert said(stacked, alone.faces.row, None).test.shape == (0, 15, 2)


def test_other_test_images_are_another_question(built: Built) -> None:
    before = len(built.session.asked)
    other = replace(built.ensemble, test_images=built.ensemble.faces.images[:2])
    tables = other.tables(built.session, built.fits, built.predictions)  # type: ignore[arg-type]
    assert len(built.session.asked) == before + len(other.fits)
    assert tables["complete"].test.shape == (1, 2, 15, 2)


def test_the_first_fits_that_ship_have_learned_from_different_faces(built: Built) -> None:
    own = built.ensemble.members[0]
    assert len(own.seeds) == 2
    assert built.ensemble.shipped(own) == own.fits
    assert [fit.split.fold for fit in own.fits[:3]] == [0, 1, 2]


def test_a_refit_trains_on_all_but_one_image_group(built: Built) -> None:
    refitting = replace(built.ensemble, refits=3)
    own = refitting.members[0]
    assert len(refitting.fits_of(own)) == len(own.fits) + 3 * len(own.seeds)
    assert len({fit.seed for fit in refitting.shipped(own)}) == 3 * len(own.seeds) == 6
    for fit in refitting.shipped(own):
        parts = split(refitting.faces, PIPELINES["complete"], fit.split)
        assert len(set(refitting.faces.group[parts.held_out])) == 1
        assert len(parts.train) + len(parts.held_out) == len(built.tables["complete"].index)
        assert len(refitting.held_out(fit)) == 0


def test_a_plan_says_which_fits_are_on_all_faces(built: Built) -> None:
    plan = plan_sheet({"ensemble": replace(built.ensemble, refits=1)}, built.fits, lambda _: 1e3)
    for row, member in zip(plan.rows, built.ensemble.members, strict=True):
        assert row["fits"] == len(member.fits) + len(member.seeds)
        assert row["missing (fold/seed)"] == " ".join(f"all/{seed}" for seed in member.seeds)


def test_the_stack_is_fitted_on_other_faces_than_it_is_scored_on(built: Built) -> None:
    for table in built.tables.values():
        assert table.chosen_on.any()
        open_groups = set(table.group[table.chosen_on])
        assert not open_groups & set(table.group[~table.chosen_on])


def test_a_planted_copy_stops_the_build(built: Built, tmp_path: Path) -> None:
    faces = built.ensemble.faces
    deal = built.tables["complete"]
    here, there = (deal.index[deal.fold[0] == fold][0] for fold in (0, 1))
    images = np.array(faces.images)
    images[there] = images[here]
    planted = replace(built.ensemble, faces=replace(faces, images=images))
    with pytest.raises(UserError, match="in different folds"):
        planted.check(photographs(images, tmp_path))


@pytest.mark.parametrize(
    ("complete", "words"),
    [
        (4, "to score them are too few"),
        (1, "faces are too few; give more labelled faces, or leave"),
    ],
)
def test_too_few_faces_are_said_before_anything_is_trained(
    built: Built, complete: int, words: str
) -> None:
    faces = built.ensemble.faces
    kept = [*range(complete), *np.flatnonzero(faces.source == 1)]
    few = replace(built.ensemble, faces=faces.take(kept))
    with pytest.raises(UserError, match=words):
        few.check(few.faces.group)


def test_a_member_that_cannot_be_trained_is_named(built: Built, tmp_path: Path) -> None:
    fits = Fits(FitStore(tmp_path), built.fits.fingerprint)
    for fit in built.ensemble.fits:
        fits.keep(fit, Failed("out of memory"))
    with pytest.raises(UserError, match=r"lenet5 \(complete, fold 0, seed 0\) cannot be trained"):
        built.ensemble.tables(built.session, fits, FitStore(tmp_path / "p"))  # type: ignore[arg-type]


def test_random_labels_teach_nothing(built: Built) -> None:
    """The other canary: where labels are noise, the stack must not beat the mean label."""
    from fkd_core.ensemble.stacking.stack import stack
    from fkd_core.ensemble.stacking.stacker import STACKERS

    rng = np.random.default_rng(5)
    n = 400
    noise = rng.normal(48, 5, (n, 15, 2)).astype(np.float32)
    said = rng.normal(48, 2, (2, n, 15, 2)).astype(np.float32)
    table = replace(
        built.tables["complete"],
        members=("a", "b"),
        index=np.arange(n),
        group=rng.integers(0, 2**64, n, np.uint64),
        fold=np.tile(np.arange(n) % 3, (2, 1)),
        truth=noise,
        plain=said,
        own=said,
        by_part=said[None, :, :5],
        other=np.empty((n, 0)),
        test_other=np.empty((5, 0)),
    )
    tried = {name: STACKERS[name] for name in ("mean", "weights", "ridge", "lasso")}
    stacked = stack(table, tried)
    final = ~table.chosen_on
    mean_label = np.broadcast_to(noise[table.chosen_on].mean(axis=0), noise[final].shape)
    best = table.final_pool(mean_label).mse
    for name, predicted in stacked.final.items():
        assert table.final_pool(predicted).mse > 0.995 * best, name
