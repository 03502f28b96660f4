"""build_ensemble.py: who is in the ensemble, and the whole way to a submission."""

from __future__ import annotations

import csv
import json
import shutil
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from short_runs import SHORT_BUILD, start

from fkd_core.augment.policy import Policy
from fkd_core.data.demo import demo_folder
from fkd_core.data.folds import Split, split
from fkd_core.data.kaggle import load_competition
from fkd_core.ensemble.members import Member
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.predictor import Predictor
from fkd_core.errors import UserError
from fkd_core.experiments import reference_recipe
from fkd_core.experiments.build_ensemble import BuildEnsemble
from fkd_core.experiments.lineup import check_few, in_training, lineup, with_recipe
from fkd_core.findings.best_config import write_best
from fkd_core.findings.inputs import Inputs
from fkd_core.findings.policy import write_policy
from fkd_core.findings.provenance import provenance
from fkd_core.fitting.schedule import steps_per_epoch
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.conv5 import Conv5
from fkd_core.models.plain import Plain
from fkd_core.running.simulated import simulated_faces


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"models": ("lenet6",)}, "--models: there is no model 'lenet6'"),
        ({"pipelines": ()}, "--pipelines: name some of complete"),
        ({"folds": 1}, "--folds: 1 is too few"),
        ({"seeds": 0}, "--seeds: 0 is too few"),
        ({"epochs": 0}, "--epochs: 0 is too few"),
        ({"faces": 0}, "--faces: 0 is too few"),
        ({"refits": -1}, "--refits: -1 is too few"),
        ({"recipe": "best", "models": ("lenet5",)}, "--recipe best has members of its own"),
    ],
)
def test_what_cannot_be_is_named(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        BuildEnsemble(results=tmp_path, **options).check()


def test_what_was_tuned_is_the_ensemble_and_keeps_its_training(tmp_path: Path) -> None:
    tuned = FitSpec(Conv5.tiny(), "partial", training=Training(epochs=7, learning_rate=3e-3))
    faces = simulated_faces(100)
    write_best(tmp_path / "demo" / "best", "conv5", tuned, {}, provenance("smoke", 0, faces))
    chosen = BuildEnsemble(results=tmp_path, pipelines=("partial",), seeds=2, seed=3)
    assert with_recipe(chosen) == (replace(chosen, recipe="tuned"), "")
    members = lineup(chosen, faces)
    with pytest.raises(UserError, match=r"conv5\.json.*other pictures"):
        lineup(chosen, simulated_faces(101))
    assert [member.name for member in members] == ["conv5"]
    fits = members[0].fits
    assert len(fits) == 10
    assert {fit.seed for fit in fits} == {3000, 3001}
    assert {fit.split.fold for fit in fits} == {0, 1, 2, 3, 4}
    for fit in fits:
        assert (fit.model, fit.training) == (tuned.model, tuned.training)
        assert (fit.split.family, fit.split.limit) == ("all", None)


def test_without_tuned_models_the_defaults_are_used_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = lineup(BuildEnsemble(results=tmp_path, recipe="tuned"), simulated_faces(100))
    assert [(member.pipeline, member.name) for member in members] == [
        ("complete", "lenet5"),
        ("complete", "local2d"),
        ("partial", "lenet5"),
        ("partial", "local2d"),
    ]
    assert "complete: not tuned, so its defaults: lenet5, local2d." in capsys.readouterr().out


@pytest.mark.parametrize("pipeline", ["complete", "joint"])
def test_what_was_searched_is_used_and_where_nothing_was_the_best_recipe(
    pipeline: str, tmp_path: Path
) -> None:
    open_ = BuildEnsemble(results=tmp_path)
    nothing, why = with_recipe(open_)
    assert nothing == replace(open_, recipe="best")
    assert why.startswith("Nothing was tuned on these data")
    assert with_recipe(replace(open_, models=("conv5",)))[0].recipe == "tuned"
    faces = simulated_faces(100)
    made_by = provenance("smoke", 0, faces)
    write_best(open_.outcomes.best, "conv5", FitSpec(Conv5(), pipeline), {}, made_by)
    tuned, why = with_recipe(open_)
    assert tuned.recipe == "tuned"
    assert tuned.pipelines == (("joint",) if pipeline == "joint" else ("complete", "partial"))
    assert "--recipe best" in why


def test_a_policy_alone_leaves_the_best_recipe_and_the_other_way_is_told(tmp_path: Path) -> None:
    open_ = BuildEnsemble(results=tmp_path)
    made_by = provenance("smoke", 0, simulated_faces(100))
    write_policy(open_.outcomes.policy, "complete", Policy(()), made_by)
    chosen, why = with_recipe(open_)
    assert chosen.recipe == "best"
    assert "--recipe tuned trains models' defaults under the policy" in why


def test_members_that_compact_cannot_choose_among_are_told_before_work(tmp_path: Path) -> None:
    faces = simulated_faces(100)
    some = BuildEnsemble(results=tmp_path, recipe="tuned", models=("all",))
    some = replace(some, pipelines=("complete",))
    for pipelines, many in ((some.pipelines, False), (("complete", "joint"), True)):
        members = lineup(replace(some, pipelines=pipelines), faces)
        ours = OutOfFold(members, faces, None, "none")
        with pytest.raises(UserError, match="answer for one") if many else nullcontext():
            check_few(ours)


def test_the_best_recipe_is_a_cascade_for_as_many_faces_as_there_are(tmp_path: Path) -> None:
    chosen = BuildEnsemble(results=tmp_path, recipe="best", preset="full")
    faces = simulated_faces(6888)
    (alone,) = lineup(chosen, faces)
    assert alone.name == "plain16+gated24"
    faces = replace(faces, source=(np.arange(len(faces)) % 2).astype(np.int8))
    (member,) = lineup(chosen, faces)
    assert member.name == "joint-plain16+gated24"
    assert (chosen.views, replace(chosen, recipe="tuned").views) == ("settled", "mirror")
    assert (chosen.refits_each, replace(chosen, recipe="tuned").refits_each) == (5, 0)
    assert replace(chosen, refits=2).refits_each == 2
    assert replace(chosen, tta="none").views == "none"
    first, last = member.fits[3].stages
    assert {first.split.fold, last.split.fold} == {3}
    # 36,000 pictures of the 5,510 faces that four of five folds train on.
    assert first.training.epochs == 7
    small = lineup(BuildEnsemble(results=tmp_path, recipe="best", preset="smoke"), faces)
    assert small[0].spec.split.limit == 1000
    assert small[0].spec.training.epochs == 15


@pytest.mark.parametrize("pipeline", ["complete", "joint"])
@pytest.mark.parametrize("limit", [None, 900])
def test_the_references_recipe_takes_equal_gradient_steps(
    pipeline: str, limit: int | None
) -> None:
    faces = simulated_faces(2400)
    faces = replace(faces, source=(np.arange(2400) % 2).astype(np.int8))
    first = FitSpec(Plain(), pipeline, training=Training(epochs=10, batch_size=32))
    ours = replace(
        first, model=Conv5.tiny(), aligned_by=first, training=Training(epochs=7, batch_size=64)
    ).everywhere(split=Split(limit=limit))
    member = Member(ours, folds=3)

    def steps(fit: FitSpec) -> int:
        taught = len(split(faces, fit.taught, fit.split).train)
        return fit.training.epochs * steps_per_epoch(taught, fit.training.batch_size)

    rivals = reference_recipe.counterparts(ours, partial(in_training, faces, 3), seed=0)
    theirs = [replace(member, spec=each).fits[0] for each in rivals]
    # Half an epoch of theirs, and the last batches of their epochs, may be missing or too many.
    assert sum(map(steps, theirs)) == pytest.approx(
        sum(map(steps, member.fits[0].stages)), rel=0.04
    )
    for each in theirs:
        assert each.model == Conv5()
        assert each.training.batch_size == 128
        assert (each.training.patience, each.split.stop_share) == (10, 0.1)


def test_a_network_of_our_own_trains_like_its_first_trial_in_the_references_recipe() -> None:
    ours = FitSpec(Plain(), training=Training(epochs=12, batch_size=32))
    (compact,) = reference_recipe.counterparts(ours, lambda *_: 1000, seed=0)
    assert compact.training.epochs == 12
    assert compact.training.patience is None


def test_the_references_recipe_has_two_specialists_for_a_joint_member() -> None:
    ours = FitSpec(Conv5.tiny(), "joint", split=Split(limit=300))
    theirs = reference_recipe.counterparts(ours, lambda *_: 200, seed=0)
    assert [each.pipeline for each in theirs] == ["complete", "partial"]
    assert [each.split.limit for each in theirs] == [150, 150]


@pytest.mark.slow
def test_a_run_ends_with_a_whole_submission(built: Path) -> None:
    demo = load_competition(demo_folder(built / "cache" / "demo"), built / "cache" / "faces")
    assert demo.lookup is not None
    with open(built / "demo" / "submission.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["RowId"]) for row in rows] == demo.lookup.row_id.tolist()
    locations = np.array([float(row["Location"]) for row in rows])
    assert ((locations >= 0) & (locations <= 96)).all()
    config = json.loads((built / "demo" / "ensemble" / "config.json").read_text())
    inputs, store = Inputs.from_json(config["inputs"]), FitStore(built / "fits")
    assert len(inputs.fits) == 3 * 4, "folds of two models and two pipelines"
    assert inputs.weights == inputs.fits
    assert all(key in store for key in inputs.fits)


@pytest.mark.slow
def test_the_tables_tell_what_each_part_contributed(built: Path) -> None:
    said, folder = (built / "said.txt").read_text(), built / "demo" / "ensemble"
    with open(folder / "score.csv", newline="") as file:
        arms = {row["arm"]: row for row in csv.DictReader(file)}
    assert list(arms)[:3] == ["ensemble", "mean", "best_member"]
    for row in arms.values():
        assert 0 < float(row["score_low"]) <= float(row["score"]) <= float(row["score_high"])
    for pipeline in ("complete", "partial"):
        with open(folder / f"members-{pipeline}.csv", newline="") as file:
            assert [row["member"] for row in csv.DictReader(file)] == ["lenet5", "plain"]
        with open(folder / f"stackers-{pipeline}.csv", newline="") as file:
            ships = [row["ships"] for row in csv.DictReader(file)]
        assert sorted(ships) == [""] * 5 + ["yes"]
        assert f"{pipeline}: members" in said
    page = (built / "demo" / "report.html").read_text()
    for title in ("Worst faces", "Predicted test images", "The members", "Learning curves"):
        assert f"<h2>{title}</h2>" in page
    assert f"{float(arms['ensemble']['score']):.3f}" in page
    note = json.loads((built / "demo" / "submission.json").read_text())
    assert note["score"] == pytest.approx(float(arms["ensemble"]["score"]), rel=1e-5)
    assert 0 < note["reckoned"] < note["score"], "the mean of the folds errs less than one"
    assert "kaggle competitions submit -c facial-keypoints-detection" in said


@pytest.mark.slow
def test_the_plan_is_told_and_nothing_is_run(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built / "cache", tmp_path / "cache")  # faces drawn already
    plan = start(SHORT_BUILD, tmp_path, "--dry-run")
    said, err = plan.communicate()
    assert plan.returncode == 0, err
    assert "0/0 1/0 2/0" in said
    assert not (tmp_path / "fits" / "fits").exists()
    assert not (tmp_path / "demo").exists()


@pytest.mark.slow
def test_all_options_together_give_an_ensemble_that_predicts(built: Path, tmp_path: Path) -> None:
    for known in ("cache", "fits"):
        shutil.copytree(built / known, tmp_path / known)
    alone = tuple(word for word in SHORT_BUILD if word != "plain")
    asked = ("--cross", "--refits", "2", "--tta", "shifts", "--compact", "40", "--stacker")
    done = start(alone, tmp_path, *asked, "weights", "--against-reference")
    _, err = done.communicate()
    assert done.returncode == 0, err
    folder = tmp_path / "demo" / "ensemble"
    with open(folder / "score.csv", newline="") as file:
        assert "reference" in {row["arm"] for row in csv.DictReader(file)}
    with open(folder / "compact.csv", newline="") as file:
        kept = list(csv.DictReader(file))
    assert [row["pipeline"] for row in kept] == ["complete", "partial"]
    assert sum(float(row["megabytes"]) for row in kept) <= 40

    demo = load_competition(demo_folder(tmp_path / "cache" / "demo"), tmp_path / "cache" / "faces")
    points = Predictor.load(folder).predict(np.asarray(demo.training.images[:3]), "partial")
    assert points.shape == (3, 4, 2)
    assert ((points >= 0) & (points <= 96)).all()
