"""What a plan promises before anything runs."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.data.folds import set_of
from fkd_core.errors import UserError
from fkd_core.evidence import Components
from fkd_core.protocols import estimates
from fkd_core.protocols.augmentation_plan import (
    Plan,
    confirm_faces,
    power_plan,
    resized,
)
from fkd_core.running.simulated import simulated_faces
from fkd_core.studies.paired import PairedDesign, fresh, in_turn
from search_spaces import augmentation as space
from search_spaces.augmentation import BUDGETS, composed, uniform_choice

EVERYTHING = tuple(name for name, transform in TRANSFORMS.items() if transform.candidate)


@pytest.mark.parametrize("preset", BUDGETS)
def test_every_stage_has_seeds_of_its_own_and_balanced_folds(preset: str) -> None:
    budget = BUDGETS[preset]
    base = Plan(space, "complete", EVERYTHING, budget, seed=3).base
    design = PairedDesign("confirm", fresh(budget.confirm_pairs, budget.folds, 3100))
    specs = design.specs(base)
    pairs = [(spec.split.fold, spec.seed) for spec in specs]
    assert len(set(pairs)) == budget.confirm_pairs
    assert {fold for fold, _ in pairs} == set(range(budget.folds)), "every face is scored"
    assert {spec.split.family for spec in specs} == {"confirm"}


def test_each_round_of_the_folds_is_dealt_anew_and_alike_in_every_arm() -> None:
    """Else two folds would be all that is known of what a treatment does to one deal alone."""
    base = Plan(space, "complete", EVERYTHING, BUDGETS["quick"], 0).base
    for pairs in (in_turn(5, 2, 7), fresh(5, 2, 7)):
        splits = [s.split for s in PairedDesign("confirm", pairs).specs(base)]
        assert [split.fold for split in splits] == [0, 1, 0, 1, 0]
        deals = [split.seed for split in splits]
        assert deals[0] == deals[1] != deals[2] == deals[3] != deals[4], "a round holds all out"
        assert len(set(deals)) == 3


def test_arms_differ_in_what_their_specs_do_alone() -> None:
    base = Plan(space, "partial", EVERYTHING, BUDGETS["quick"], 0).base
    other = replace(base, policy=uniform_choice(["mirror"]))
    design = PairedDesign("search", in_turn(4, 2, 0))
    for control, arm in zip(design.specs(base), design.specs(other), strict=True):
        differing = {name for name, value in vars(arm).items() if value != vars(control)[name]}
        assert differing == {"policy"}


def test_a_cascade_judges_behind_a_first_stage_that_all_arms_share() -> None:
    base = Plan(space, "joint", EVERYTHING, BUDGETS["quick"], 0, probe="cascade").base
    arm = replace(base, policy=uniform_choice(["mirror"]))
    design = PairedDesign("search", in_turn(2, 2, 0))
    for control, other in zip(design.specs(base), design.specs(arm), strict=True):
        assert control.name == "plain16+gated16"
        assert control.aligned_by == other.aligned_by
        assert control.aligned_by is not None
        assert control.aligned_by.split == control.split


def test_a_budget_is_resized_by_what_is_given() -> None:
    quick = BUDGETS["quick"]
    assert resized(quick) == quick
    assert resized(quick, epochs=7, faces=90) == replace(quick, epochs=7, faces=90)
    assert resized(quick, trials=1).compose_trials == 1
    assert resized(quick, pairs=9).confirm_pairs == 9
    for wrong in ({"trials": 0}, {"epochs": 0}, {"faces": -3}, {"pairs": 1}, {"pairs": 201}):
        with pytest.raises(UserError, match=f"--{next(iter(wrong))}"):
            resized(quick, **wrong)


def test_pairs_take_folds_in_turn_with_one_seed_a_round_or_a_fresh_one_each() -> None:
    assert in_turn(5, 2, 7) == ((0, 7), (1, 7), (0, 8), (1, 8), (0, 9))
    assert fresh(3, 2, 7) == ((0, 7), (1, 8), (0, 9))


def test_a_composition_is_read_from_its_parameters() -> None:
    values = {"mirror.probability": 0.5, "shift.probability": 0.2, "shift.strength": 0.9}
    steps = {s.transform: (s.probability, s.strength) for s in composed(values).steps}
    assert steps == {"mirror": (0.5, 0.5), "shift": (0.2, 0.9)}


@pytest.mark.parametrize("names", [("mirror",), ("mirror", "rotation", "shift")])
def test_a_plan_counts_the_fits_that_are_expected(names: tuple[str, ...]) -> None:
    plan = Plan(space, "complete", names, BUDGETS["full"], 0)
    parts = estimates.of_augmentation(plan, [], simulated_faces(60))
    assert sum(part.fits for part in parts) == plan.fits
    assert plan.arms == (7 if len(names) == 3 else 1), "the mirror has no strength"


def test_quick_stays_within_its_promise_of_fits() -> None:
    plan = Plan(space, "complete", space.candidates([], "quick"), BUDGETS["quick"], 0)
    assert plan.fits <= 250


def test_a_plan_says_how_many_fits_an_effect_needs() -> None:
    budget = replace(BUDGETS["quick"], confirm_pairs=6)
    plan = Plan(space, "complete", space.candidates([], "quick"), budget, 0)
    said = power_plan(plan, 220, -0.08, None)
    assert "varies by 0.8% from seed to seed" in said
    now, enough = (int(n) for n in re.findall(r"(\d+) fits", said))
    assert now == 6 * (6 + 2)
    assert now < enough < 20 * 8
    assert enough % (6 + 2) == 0
    assert "complete: 6 pairs" in said
    assert "suffice" in power_plan(plan, 220, -0.5, None)
    assert "more faces" in power_plan(plan, 20, -0.01, (Components(reaction=0.1), 3))
    noisy = power_plan(plan, 220, -0.08, (Components(fit=0.033), 2))
    assert "by the noise of 2 augmentations that such fits have met" in noisy
    few, many = (re.search(r"in (\d+)% of studies", text) for text in (noisy, said))
    assert few
    assert many
    assert int(few[1]) < int(many[1])
    with pytest.raises(UserError, match=r"--plan-power: 0 px is no effect"):
        power_plan(plan, 220, 0.0, None)


def test_the_faces_of_a_plan_are_those_of_set_confirm() -> None:
    faces = simulated_faces(300)
    assert confirm_faces(faces, "complete") == (set_of(faces.group) == "confirm").sum() > 90
    assert confirm_faces(faces, "partial") == 0
