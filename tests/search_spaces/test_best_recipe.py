"""The best recipe: what it says in physical units is what copies get."""

from __future__ import annotations

import pytest

from fkd_core.augment.policy import Policy
from fkd_core.augment.transforms import TRANSFORMS
from search_spaces import best_recipe
from search_spaces.best_recipe import CASCADES, Jitter, members


def amounts(policy: Policy) -> dict[str, float]:
    """What each step draws up to, in its transform's unit."""
    return {
        step.transform: TRANSFORMS[step.transform].amount(step.strength, step.share)
        for step in policy.steps
        if step.strength is not None
    }


def test_a_jitter_draws_what_it_says_also_below_the_weakest_worth_searching() -> None:
    found = amounts(Jitter(8.0, 0.09, 3.0, 1.7, gamma=1.1).policy)
    assert TRANSFORMS["shear"].weakest > 1.7
    assert TRANSFORMS["gamma"].weakest > 1.1
    wanted = {"rotation": 8.0, "scale": 0.09, "shift": 3.0, "shear": 1.7, "gamma": 1.1}
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)


@pytest.mark.parametrize("preset", CASCADES)
def test_every_stage_is_joint_and_its_copies_are_fresh(preset: str) -> None:
    specs = members(preset, 4000)
    assert len(specs) == len(CASCADES[preset])
    for spec, cascade in zip(specs, CASCADES[preset], strict=True):
        assert [one.model for one in spec.stages] == [stage.model for stage in cascade]
        for one, stage in zip(spec.stages, cascade, strict=True):
            assert (one.pipeline, one.copies) == (best_recipe.PIPELINE, None)
            assert one.training.epochs == round(stage.pictures / 4000)
