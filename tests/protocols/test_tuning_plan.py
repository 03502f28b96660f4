"""What tuning will do, known before it does it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fkd_core.augment.policy import Policy
from fkd_core.data.folds import Family, split
from fkd_core.errors import UserError
from fkd_core.fitting.schedule import steps_per_epoch
from fkd_core.fitting.spec import FitSpec
from fkd_core.models import MODELS
from fkd_core.options import MOST
from fkd_core.protocols.tuning_plan import TuningPlan, resized
from fkd_core.running.simulated import simulated_faces
from fkd_core.shared_options import MOST_SEED
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS, COMPACT, HYPOTHESIS, Budget

BUDGET = Budget(trials=10, epochs=200, faces=500, search_pairs=2)
PLAN = TuningPlan(ModelSpace("lenet5"), "partial", BUDGET, Policy(), seed=3)


def test_the_reference_is_the_default_model_under_the_budget() -> None:
    spec = PLAN.reference
    assert spec.model == MODELS["lenet5"]()
    assert (spec.training.epochs, spec.training.batch_size) == (200, 128)
    assert (spec.training.patience, spec.split.stop_share) == (20, 0.1)
    assert spec.split.limit == 500


@pytest.mark.parametrize("own", [{}, HYPOTHESIS, COMPACT, {"log2_batch_size": 4}])
def test_the_reference_takes_as_many_gradient_steps_as_what_it_is_compared_with(
    own: dict[str, Any],
) -> None:
    faces = simulated_faces(1500)
    plan = TuningPlan(
        ModelSpace("lenet5"), "complete", replace(BUDGET, epochs=60, faces=1340), Policy(), 0
    )
    spec = plan.spec_of({**plan.space.reference, **own})

    def faces_of(arm: FitSpec, family: Family) -> list[int]:
        specs = plan.design(family).specs(arm)
        return [len(split(faces, arm.taught, each.split).train) for each in specs]

    def steps(arm: FitSpec, family: Family) -> list[int]:
        size, epochs = arm.training.batch_size, arm.training.epochs
        return [epochs * steps_per_epoch(n, size) for n in faces_of(arm, family)]

    families: tuple[Family, ...] = ("confirm", "final")
    for family in families:
        reference = plan.reference_for(spec, faces_of(spec, family)[0])
        # the deals differ by some faces, so by a batch an epoch
        assert steps(reference, family) == pytest.approx(steps(spec, family), rel=0.03)
    same = replace(reference.training, epochs=60, patience=10)
    assert replace(reference, training=same) == replace(
        plan.reference, training=replace(plan.reference.training, patience=10)
    ), "nothing else of it changes"


def test_a_trial_that_does_not_stop_early_trains_on_all_its_faces() -> None:
    spec = PLAN.spec_of(PLAN.space.reference | {"early_stop": False})
    assert spec.training.patience is None
    assert spec.split.stop_share == 0


def test_every_set_has_seeds_of_its_own_and_confirm_a_fresh_one_for_every_fit() -> None:
    seeds = {}
    for family in ("search", "confirm", "final"):
        specs = PLAN.design(family).specs(PLAN.reference)
        assert {spec.split.family for spec in specs} == {family}
        seeds[family] = {spec.seed for spec in specs}
    assert len(seeds["confirm"]) == len(seeds["final"]) == 3
    assert len(seeds["search"] | seeds["confirm"] | seeds["final"]) == 1 + 3 + 3


def test_trials_are_looked_at_on_the_rungs_below_the_full_length() -> None:
    assert BUDGET.looks == (50, 100)
    assert Budget(4, 4, None, 1).looks == (1, 2)
    assert Budget(4, 1, None, 1).looks == ()
    for budget in BUDGETS.values():
        assert all(1 <= look < budget.epochs for look in budget.looks)


def test_the_number_of_fits_counts_every_stage() -> None:
    assert PLAN.fits == 10 * 2 + 6 * 3 + 2 * 3


def test_a_model_can_be_tuned_as_the_last_stage_of_a_cascade() -> None:
    alone, last = (
        replace(PLAN, space=ModelSpace(name)).hypothesis for name in ("plain", "aligned-plain")
    )
    first = last.aligned_by
    assert first is not None
    assert replace(last, aligned_by=None) == alone
    assert (first.pipeline, first.split, first.policy != last.policy) == (
        "partial",
        last.split,
        True,
    )
    assert first.training.epochs == 36_000 // 500
    assert (
        replace(PLAN, space=ModelSpace("aligned-plain"), budget=replace(BUDGET, epochs=5))
        .hypothesis.stages[0]
        .training.epochs
        == 5
    ), "no longer than the model itself"
    stops = replace(PLAN, space=ModelSpace("aligned-lenet5")).reference
    assert [stage.split.stop_share for stage in stops.stages] == [0.1, 0.1]


def test_a_budget_is_resized_by_what_is_given() -> None:
    assert resized(BUDGET, trials=5, epochs=None) == Budget(5, 200, 500, 2)
    for wrong in ({"trials": 1}, {"epochs": 0}, {"faces": -3}):
        with pytest.raises(UserError, match=f"--{next(iter(wrong))}"):
            resized(BUDGET, **wrong)


def test_stages_have_seeds_that_fits_can_take_whatever_is_asked_for() -> None:
    last = replace(PLAN, seed=MOST_SEED).design("final").specs(PLAN.reference)[-1].seed
    assert last + MOST["pairs"] + MOST["seeds"] < 2**32
