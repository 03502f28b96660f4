"""Tuning: what names a search, and how it begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from here import Here

from fkd_core.augment.policy import Policy, Step
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.store import FitStore
from fkd_core.protocols.tuned import Candidate
from fkd_core.protocols.tuning import Tuning
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.report.tuning import sureness
from fkd_core.running.simulated import simulated_faces
from fkd_core.studies.simulation import simulate
from fkd_core.studies.storage import Storage
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS, HYPOTHESIS, REFERENCE

PLAN = TuningPlan(ModelSpace("lenet5"), "complete", BUDGETS["smoke"], Policy(), seed=0)
NOBODY = cast(Any, None)


@pytest.fixture
def fits(tmp_path: Path) -> Fits:
    return Fits(FitStore(tmp_path), simulated_faces(20).fingerprint)


def tuning(fits: Fits, plan: TuningPlan = PLAN, sibling: Candidate | None = None) -> Tuning:
    return Tuning(plan, NOBODY, fits, Storage(), sibling=sibling)


def name(fits: Fits, plan: TuningPlan) -> str:
    return tuning(fits, plan).study.plan.name


def test_more_trials_or_hours_go_on_with_the_same_search(fits: Fits) -> None:
    more = replace(PLAN, budget=replace(PLAN.budget, trials=50), seconds=60.0)
    assert name(fits, more) == name(fits, PLAN)


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, pipeline="partial"),
        replace(PLAN, seed=1),
        replace(PLAN, policy=Policy((Step("mirror"),))),
        replace(PLAN, budget=replace(PLAN.budget, epochs=5)),
        replace(PLAN, budget=replace(PLAN.budget, faces=99)),
        replace(PLAN, budget=replace(PLAN.budget, lag=3)),
    ],
)
def test_anything_else_that_values_depend_on_is_another_search(
    fits: Fits, other: TuningPlan
) -> None:
    assert name(fits, other) != name(fits, PLAN)


def test_a_search_begins_with_the_reference_and_then_the_hypothesis(fits: Fits) -> None:
    first, second = tuning(fits).study.plan.proposals.first
    assert first == PLAN.space.reference
    assert {k: second[k] for k in HYPOTHESIS} == HYPOTHESIS
    assert second["filters"] == first["filters"], "the model is the reference's"


def test_a_siblings_training_comes_in_place_of_the_hypothesis(fits: Fits) -> None:
    params = REFERENCE | {"learning_rate": 5e-3, "decays": True, "weight_decay": 0.01, "width": 3}
    sibling = Candidate("trial 1", params, PLAN.reference, 1.0, -0.1, 1.1, None)
    _, second = tuning(fits, sibling=sibling).study.plan.proposals.first
    assert (second["learning_rate"], second["weight_decay"]) == (5e-3, 0.01)
    assert "width" not in second, "only training is shared"


def test_a_sibling_that_trained_as_the_reference_does_adds_no_trial(fits: Fits) -> None:
    sibling = Candidate("reference", REFERENCE, PLAN.reference, 1.0, 0.0, 1.0, None)
    assert len(tuning(fits, sibling=sibling).study.plan.proposals.first) == 1


def test_the_winner_meets_a_reference_of_equal_steps_and_says_how_sure_it_is(
    tmp_path: Path,
) -> None:
    faces = simulated_faces(120)
    plan = replace(PLAN, budget=replace(PLAN.budget, faces=None, epochs=16, trials=6, confirmed=2))
    fits = Fits(FitStore(tmp_path), faces.fingerprint)
    search = Tuning(plan, cast(Any, Here(faces)), fits, Storage())
    simulate([search.study], fits, faces)
    tuned = search.outcome()
    assert sum(candidate.best for candidate in tuned.candidates) == pytest.approx(1)
    assert tuned.evidence["probability_best"] == tuned.winner.best > 0
    trials = [c for c in tuned.candidates if c.comparison]
    references = [c for c in tuned.candidates if not c.comparison]
    assert len(trials) == 2
    assert all(c.name.startswith("reference") for c in references)
    met = {c.spec.training.epochs / c.spec.training.batch_size for c in references}
    for trial in trials:
        steps = trial.spec.training.epochs / trial.spec.training.batch_size
        assert min(abs(steps - each) for each in met) < 0.35 * steps, "batches are few here"
    assert tuned.final is not None
    assert tuned.inputs.studies == (search.study.plan.name,)
    confirmed = {fits.key(spec) for spec in plan.design("confirm").specs(tuned.winner.spec)}
    assert confirmed < set(tuned.inputs.fits) <= {row["key"] for row in fits.store.rows()}
    assert f"{tuned.winner.best:.0%}" in sureness(tuned)
    assert "of these" in sureness(tuned)
