"""What a trial's page holds, as it is kept: Optuna's artefacts and the dashboard's note."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import Trial, TrialState
from optuna_dashboard import get_note, save_note  # type: ignore[import-untyped]
from results_for_tests import made_up_result

from fkd_core.augment.policy import Policy, Step
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models.lenet5 import LeNet5
from fkd_core.report.trial_page import TrialPages
from fkd_core.report.trial_pictures import Curve, learning_curves, worst_faces
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Never
from fkd_core.studies.sampling import TPE, Random
from fkd_core.studies.storage import Storage
from fkd_core.studies.study import Study, StudyPlan
from fkd_core.studies.trial import TrialEnd

COMMAND = "python experiments/tune_models.py --data 'my faces.zip' --models lenet5 --results=out"
KEYS = ["0123456789abcdef", "fedcba9876543210"]
ONE = FitSpec(LeNet5(), split=Split("all", folds=2, fold=0), training=Training(epochs=4))
SPECS = [ONE, replace(ONE, split=replace(ONE.split, fold=1))]


@pytest.fixture
def study() -> Study:
    """Two trials can be begun in it."""
    plan = StudyPlan(
        name="tuning/complete/lenet5@0123abcd",
        space=lambda trial: {"rate": trial.suggest_float("rate", 1e-4, 1e-2, log=True)},
        specs=lambda values: SPECS,
        score=lambda results: results[-1].rmse,
        pruner=Never(),
        proposals=Proposals(Random()),
        trials=2,
    )
    return Study(plan, Storage())


@pytest.fixture
def results(faces: Faces) -> list[FitResult]:
    """Of both fits."""
    return [made_up_result(spec, faces) for spec in SPECS]


@pytest.fixture
def pages(faces: Faces, tmp_path: Path) -> TrialPages:
    """Below a folder that is not there yet."""
    return TrialPages(faces, tmp_path / "results" / "artifacts", {"command": COMMAND})


def begun(study: Study) -> Trial:
    proposal = study.next()
    assert proposal is not None
    return Trial(study.shown, study.trials[proposal.number]._trial_id)


def facts(results: Sequence[FitResult], **more: Any) -> Mapping[str, Any]:
    return {"fits": KEYS[: len(results)], "rmse": [r.rmse for r in results], **more}


def pictures(pages: TrialPages, trial: Trial) -> dict[str, NDArray[Any] | None]:
    """The kept pictures by name, decoded."""
    return {
        meta.filename: cv2.imread(str(pages.folder / meta.artifact_id))
        for meta in get_all_artifact_meta(trial)
    }


def test_a_whole_trial_has_both_pictures_and_a_note_with_its_figures(
    study: Study, pages: TrialPages, results: list[FitResult]
) -> None:
    trial = begun(study)
    pages(TrialEnd(study, 0, TrialState.COMPLETE, SPECS, results, (), facts(results)))
    kept = pictures(pages, trial)
    assert sorted(kept) == ["learning-curves.png", "worst-faces.png"]
    assert all(picture is not None and picture.shape[1] == 960 for picture in kept.values())
    note = get_note(trial)
    assert note.startswith("## Trial 0: complete")
    assert f"| rate | {study.trials[0].params['rate']:.6g} |" in note
    for result in results:
        assert f"| fold {result.spec.split.fold}, seed 0 | 4 | {result.rmse:.3f} |" in note
    for meta in get_all_artifact_meta(trial):
        assert f"/artifacts/{study.shown._study_id}/{trial._trial_id}/{meta.artifact_id})" in note


def test_a_note_gives_the_commands_that_make_the_trial_and_each_fit_again(
    study: Study, pages: TrialPages, results: list[FitResult]
) -> None:
    trial = begun(study)
    pages(TrialEnd(study, 0, TrialState.COMPLETE, SPECS, results, (), facts(results)))
    as_typed = re.sub(r"\\\n\s+", "", get_note(trial))
    assert f"    {COMMAND}" in as_typed
    for key in KEYS:
        redo = f"--redo {key} --data 'my faces.zip' --results=out"
        assert f"    python experiments/results.py {redo}" in as_typed
    assert max(map(len, get_note(trial).splitlines())) < 120


def test_a_trial_stopped_in_its_first_fit_shows_how_far_it_came(
    study: Study, pages: TrialPages
) -> None:
    trial = begun(study)
    pages(TrialEnd(study, 0, TrialState.PRUNED, SPECS, [], [9.0, float("nan"), 7.0], facts([])))
    assert sorted(pictures(pages, trial)) == ["learning-curves.png"]
    note = get_note(trial)
    assert note.startswith("## Trial 0: pruned")
    assert "stopped after 3 epochs of fit 1 of 2" in note
    assert "--redo" not in note


def test_a_failed_trial_tells_why_word_for_word(study: Study, pages: TrialPages) -> None:
    trial = begun(study)
    reason = "impossible: `kernel` | 3\n# no heading"
    pages(TrialEnd(study, 0, TrialState.FAIL, SPECS, [], (), facts([], failure=reason)))
    assert not pictures(pages, trial)
    assert "\n    impossible: `kernel` | 3\n    # no heading\n" in get_note(trial)


def test_a_repeated_call_adds_nothing_and_mends_half_a_picture(
    study: Study, pages: TrialPages, results: list[FitResult]
) -> None:
    trial = begun(study)
    pages(TrialEnd(study, 0, TrialState.PRUNED, SPECS, results[:1], (), facts(results[:1])))
    before = {meta.filename: meta.artifact_id for meta in get_all_artifact_meta(trial)}
    torn = pages.folder / before["worst-faces.png"]
    torn.write_bytes(torn.read_bytes()[:100])
    (pages.folder / before["learning-curves.png"]).unlink()
    pages(TrialEnd(study, 0, TrialState.COMPLETE, SPECS, results, (), facts(results)))
    assert {m.filename: m.artifact_id for m in get_all_artifact_meta(trial)} == before
    assert {path.name for path in pages.folder.iterdir()} == set(before.values())
    assert all(picture is not None for picture in pictures(pages, trial).values())
    assert get_note(trial).count("## Trial") == 1
    assert get_note(trial).startswith("## Trial 0: complete")


def test_a_note_that_somebody_wrote_is_left_alone(study: Study, pages: TrialPages) -> None:
    trial = begun(study)
    save_note(trial, "Look at this one again.")
    pages(TrialEnd(study, 0, TrialState.FAIL, SPECS, [], (), facts([], failure="out of memory")))
    assert get_note(trial) == "Look at this one again."


def test_a_folder_that_cannot_be_written_is_told_once_and_costs_only_the_pictures(
    study: Study, pages: TrialPages, results: list[FitResult], caplog: pytest.LogCaptureFixture
) -> None:
    pages.folder.parent.mkdir()
    pages.folder.write_text("a file, not a folder")
    with caplog.at_level(logging.WARNING):
        for number in range(2):
            trial = begun(study)
            pages(TrialEnd(study, number, TrialState.COMPLETE, SPECS, results, (), facts(results)))
            assert "held-out RMSE" in get_note(trial)
            assert "![" not in get_note(trial)
    (warning,) = caplog.messages
    assert str(pages.folder) in warning


def test_a_trial_that_has_ended_is_no_reason_to_end_the_search(
    study: Study, pages: TrialPages, results: list[FitResult], caplog: pytest.LogCaptureFixture
) -> None:
    trial = begun(study)
    study.finish(0, TrialState.COMPLETE, 1.0, {})
    pages(TrialEnd(study, 0, TrialState.COMPLETE, SPECS, results, (), facts(results)))
    assert not pictures(pages, trial)
    assert len(caplog.messages) == 1


def test_pages_change_no_proposal(
    study: Study, pages: TrialPages, results: list[FitResult]
) -> None:
    """TPE, which models what came before, proposes the same with pages and without."""
    proposed = []
    for paged in (False, True):
        plan = replace(
            study.plan,
            trials=6,
            proposals=Proposals(TPE(n_startup_trials=2), lag=1),
        )
        searched = Study(plan, Storage())
        for number in range(6):
            begun(searched)
            if paged:
                pages(
                    TrialEnd(
                        searched, number, TrialState.COMPLETE, SPECS, results, (), facts(results)
                    )
                )
            searched.finish(number, TrialState.COMPLETE, float(number % 3), {})
        proposed.append([trial.params for trial in searched.trials])
    assert proposed[0] == proposed[1]
    assert len({params["rate"] for params in proposed[0]}) == 6


def test_the_worst_faces_come_first_and_each_only_once(faces: Faces) -> None:
    gray = np.arange(4 * len(faces), step=4, dtype=np.uint8)
    flat = replace(faces, images=np.tile(gray[:, None, None], (1, 96, 96)))
    held_out = replace(ONE, split=replace(ONE.split, folds=3))
    both = [made_up_result(held_out, flat, 0.5), made_up_result(replace(held_out, seed=1), flat)]
    picture = worst_faces("worst", flat, both)
    assert picture is not None
    shown = [
        int(np.median(picture[66 + 210 * (at // 5) :, 16 + 188 * (at % 5) :][:176, :176]))
        for at in range(10)
    ]
    rmse: dict[int, float] = {}
    for result in both:
        own = np.sqrt(result.squared.sum(1) / (2 * result.labelled.sum(1)))
        for row, value in zip(result.row, own, strict=True):
            level = int(gray[faces.row == row][0])
            rmse[level] = max(value, rmse.get(level, 0.0))
    assert shown == sorted(rmse, key=lambda level: -rmse[level])[:10]


def test_predictions_far_outside_a_face_are_drawn_without_harm(
    faces: Faces, results: list[FitResult]
) -> None:
    wild = np.array(results[0].predictions)
    wild[0], wild[1] = 1e30, -1e30
    picture = worst_faces("worst", faces, [replace(results[0], predictions=wild)])
    assert picture is not None
    assert len(np.unique(picture)) > 10


@pytest.mark.parametrize(
    "rmse", [[2.5], [2.5, 2.5], [1e-6, 1e6], [3.0, 2.99], [float("inf"), 0.0, 4.0]]
)
def test_curves_of_any_size_are_drawn(rmse: list[float]) -> None:
    picture = learning_curves("curves", [Curve("a fit", rmse)])
    assert picture is not None
    blue = np.all(picture == (178, 114, 0), axis=2)
    assert blue[62:430, 60:690].any()


def test_no_measured_epoch_makes_no_picture() -> None:
    assert (
        learning_curves("curves", [Curve("a fit", [float("nan")] * 3), Curve("none", ())]) is None
    )


def test_a_value_stands_beside_its_control_and_a_policy_in_its_own_units(
    study: Study, pages: TrialPages, results: list[FitResult], faces: Faces
) -> None:
    policy = Policy((Step("rotation", 0.5, 0.4), Step("mirror", 1.0)))
    plan = replace(study.plan, control=[made_up_result(s, faces, 2.0) for s in SPECS])
    compared = Study(plan, Storage())
    trial = begun(compared)
    specs = [replace(spec, policy=policy) for spec in SPECS]
    pages(TrialEnd(compared, 0, TrialState.COMPLETE, specs, results, (), facts(results)))
    note = get_note(trial)
    assert "rotation (±10.4 degrees) in 50% of copies; mirror in 100% of copies" in note
    own, other = results[0].rmse, plan.control[0].rmse
    assert f"| {own:.3f} | {other:.3f} | {own - other:+.3f} |" in note
    mean = np.mean([r.rmse for r in results]) - np.mean([r.rmse for r in plan.control])
    assert f"without augmentation on the same folds: {mean:+.3f} px" in note


def test_a_study_tells_what_its_values_are_unless_somebody_wrote_there(
    study: Study, faces: Faces, tmp_path: Path
) -> None:
    plan = replace(study.plan, measures="RMSE on set search, px")
    for written in ("", "Mine."):
        told = Study(plan, Storage())
        assert told.shown.metric_names == ["RMSE on set search, px"]
        if written:
            save_note(told.shown, written)
        for number in range(2):
            begun(told)
            pages = TrialPages(faces, tmp_path, {"command": COMMAND})
            pages(TrialEnd(told, number, TrialState.FAIL, SPECS, [], (), facts([], failure="x")))
        note = get_note(told.shown)
        if written:
            assert note == written
        else:
            assert note.startswith("## tuning/complete/lenet5\n")
            assert "value is its RMSE on set search, px; lower is better" in note
