"""tune_models.py: what it says before it does anything, and the policy it trains under."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fkd_core.augment.policy import Policy, Step
from fkd_core.command import begin
from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.experiments.tune_models import TuneModels, next_sibling, planned
from fkd_core.findings.policy import write_policy
from fkd_core.findings.provenance import provenance
from fkd_core.protocols.tuned import Candidate, Tuned
from search_spaces import augmentation, best_recipe


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"models": ("lenet6",)}, "--models: there is no model 'lenet6'"),
        ({"pipelines": ("both",)}, "--pipelines: there is no 'both'"),
        ({"trials": 1}, "--trials: 1 is too few"),
        ({"epochs": 0}, "--epochs: 0 is too few"),
        ({"epochs": 100_001}, "--epochs: 100,001 is too many; give 10,000 or fewer"),
        ({"gpu_hours": float("inf")}, "--gpu-hours: inf is no time"),
        ({"gpu_hours": 0.0}, "--gpu-hours: 0 is no time"),
        ({"gpu_hours": float("nan")}, "--gpu-hours: nan is no time"),
        ({"fit_minutes": -1.0}, "--fit-minutes: -1 is no time"),
        ({"checkpoints": "nosuch://here"}, "checkpoints cannot be kept in nosuch://here"),
    ],
)
def test_what_cannot_be_is_named(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        begin(TuneModels(results=tmp_path / "results", **options))
    assert not (tmp_path / "results").exists(), "before anything is made"


def test_every_model_and_pipeline_gets_an_equal_budget(tmp_path: Path, faces: Faces) -> None:
    plans = planned(TuneModels(results=tmp_path, models=("conv5", "lenet5"), trials=7), faces)
    assert [(plan.model, plan.pipeline) for plan in plans] == [
        ("conv5", "complete"),
        ("conv5", "partial"),
        ("lenet5", "complete"),
        ("lenet5", "partial"),
    ]
    assert {plan.budget.trials for plan in plans} == {7}
    assert len({plan.fits for plan in plans}) == 1


def test_without_a_search_the_references_augmentations_are_used_and_that_is_said(
    tmp_path: Path, faces: Faces, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, _ = planned(TuneModels(results=tmp_path, models=("lenet5",)), faces)
    assert plan.policy == augmentation.reference()
    assert "so the reference's augmentations" in capsys.readouterr().out


def test_without_models_it_is_the_best_recipes_last_stage_for_both_annotators(
    tmp_path: Path, faces: Faces, capsys: pytest.CaptureFixture[str]
) -> None:
    (plan,) = planned(TuneModels(results=tmp_path), faces)
    assert (plan.model, plan.pipeline) == ("aligned-gated", "joint")
    assert plan.policy == best_recipe.LONG.policy
    assert "so the best recipe's augmentations" in capsys.readouterr().out
    first = plan.reference
    assert first.model == best_recipe.LAST.model
    assert first.training.learning_rate == best_recipe.LAST.rate
    assert first.training.weight_decay == best_recipe.LAST.decay


def test_the_policy_that_was_found_is_used_and_that_is_said(
    tmp_path: Path, faces: Faces, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Policy((Step("mirror", 0.3),))
    asked = TuneModels(results=tmp_path, models=("lenet5",))
    write_policy(asked.outcomes.policy, "complete", found, provenance("full", 0, faces))
    plans = planned(asked, faces)
    assert [plan.policy for plan in plans] == [found, found]
    said = capsys.readouterr().out
    assert "reference's augmentations" not in said
    assert said.count("with preset full") == 2


def test_a_sibling_is_followed_only_while_that_pays(tmp_path: Path, faces: Faces) -> None:
    plan = planned(TuneModels(results=tmp_path), faces)[0]

    def candidate(rmse: float) -> Candidate:
        return Candidate("trial 3", {}, plan.reference, rmse, -0.1, rmse, None)

    def tuned(rmse: float, gain: float | None) -> Tuned:
        return Tuned(plan, [candidate(rmse)], None, (rmse, 0, 9), 1, 1.0, {}, {}, gain, [])

    first = next_sibling(tuned(2.0, None), candidate(2.0))
    assert first is not None
    assert first.confirmed == 2.0
    better = next_sibling(tuned(1.5, -0.2), first)
    assert better is not None
    assert better.confirmed == 1.5
    assert next_sibling(tuned(1.4, +0.2), better) is None
    assert next_sibling(tuned(1.0, None), None) is None, "once off it stays off"
