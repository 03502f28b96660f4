"""Our own samplers and pruners, and one of somebody else's, pass the suites for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import BaseTrial

from fkd_core.errors import UserError
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Halving, Look, Never, Pruner, Racing
from fkd_core.studies.replay import rule_of
from fkd_core.studies.sampling import TPE, Grid, Random, Sampler, Turn
from fkd_core.testing import PrunerConformance, SamplerConformance
from fkd_core.testing.pruners import BAD, simulated
from fkd_core.testing.samplers import Space


@dataclass(frozen=True)
class Wide:
    """Somebody else's."""

    candidates: int = 50
    name: ClassVar[str] = "wide"

    def for_trial(self, turn: Turn) -> BaseSampler:
        return TPESampler(seed=turn.seed, n_startup_trials=3, n_ei_candidates=self.candidates)


class TestRandom(SamplerConformance):
    @pytest.fixture
    def sampler(self) -> Sampler:
        return Random()


class TestTPE(SamplerConformance):
    @pytest.fixture
    def sampler(self) -> Sampler:
        return TPE(n_startup_trials=4, group=True)


class TestGrid(SamplerConformance):
    @pytest.fixture
    def sampler(self) -> Sampler:
        return Grid({"x": [0.0, 1.0, 2.0, 3.0], "kind": ["a", "b", "c", "d"]})

    @pytest.fixture
    def space(self) -> Space:
        def ask(trial: BaseTrial) -> Mapping[str, Any]:
            return {
                "x": trial.suggest_float("x", 0, 3),
                "kind": trial.suggest_categorical("kind", ("a", "b", "c", "d")),
            }

        return ask


class TestSomebodyElses(SamplerConformance):
    @pytest.fixture
    def sampler(self) -> Sampler:
        return Wide()


def test_a_sampler_that_is_not_handed_in_again_is_one_clear_error() -> None:
    notes = {"proposals": Proposals(Wide()).to_json()}
    assert rule_of("study", notes, [Wide]) == Proposals(Wide())
    with pytest.raises(UserError, match="no sampler 'wide' among grid, random, tpe"):
        rule_of("study", notes)


class TestNever(PrunerConformance):
    @pytest.fixture
    def pruner(self) -> Pruner:
        return Never()


class TestHalving(PrunerConformance):
    @pytest.fixture
    def pruner(self) -> Pruner:
        return Halving(2)


class TestRacing(PrunerConformance):
    @pytest.fixture
    def pruner(self) -> Pruner:
        return Racing(simulated(""), noise=0.03)


def test_racing_stops_what_does_harm() -> None:
    assert Racing(simulated(""), noise=0.03)(Look(simulated(BAD)[:1], 0.0, ()))
