"""What every sampler must do, whoever wrote it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from optuna.trial import BaseTrial, FrozenTrial, TrialState

from fkd_core.studies.history import Past
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Never
from fkd_core.studies.replay import replay, rule_of
from fkd_core.studies.sampling import Sampler
from fkd_core.studies.storage import Storage
from fkd_core.studies.study import Study, StudyPlan

Space = Callable[[BaseTrial], Mapping[str, Any]]
NAME = "conformance"
TRIALS = 14


def mixed(trial: BaseTrial) -> dict[str, Any]:
    """Numbers of all kinds, a category, and a parameter that only some trials have."""
    values: dict[str, Any] = {
        "x": trial.suggest_float("x", -5, 5),
        "rate": trial.suggest_float("rate", 1e-5, 1e-1, log=True),
        "kind": trial.suggest_categorical("kind", ("a", "b", None)),
        "n": trial.suggest_int("n", 2, 10, step=2),
    }
    if values["kind"] == "a":
        values["share"] = trial.suggest_float("share", 0, 1, step=0.25)
    return values


class SamplerConformance:
    """Subclass it with a fixture `sampler`, the one in question, and `space` where yours needs a
    space of its own: of at least 14 points, with a number `x`."""

    @pytest.fixture
    def space(self) -> Space:
        """What it is asked for."""
        return mixed

    def test_it_proposes_what_was_asked_for(self, sampler: Sampler, space: Space) -> None:
        for trial in searched(Proposals(sampler, lag=3), space).trials:
            assert set(trial.params) == set(trial.distributions)
            for name, value in trial.params.items():
                among = trial.distributions[name]
                assert among._contains(among.to_internal_repr(value)), (name, value)

    def test_the_order_in_which_trials_end_changes_nothing(
        self, sampler: Sampler, space: Space
    ) -> None:
        rule = Proposals(sampler, lag=4)
        found = [_params(searched(rule, space, random.Random(seed))) for seed in range(3)]
        assert found[0] == found[1] == found[2]

    def test_a_study_comes_out_again_from_what_is_on_record(
        self, sampler: Sampler, space: Space
    ) -> None:
        study = searched(Proposals(sampler, seed=2, lag=3), space)
        rule = rule_of(NAME, study.shown.user_attrs, [type(sampler)])
        assert rule == Proposals(sampler, seed=2, lag=3)
        again = list(replay(NAME, rule, study.trials))
        assert len(again) == TRIALS
        assert all(each.same for each in again)

    def test_its_fields_are_plain_data(self, sampler: Sampler) -> None:
        told = json.loads(json.dumps(Proposals(sampler).to_json()))
        assert Proposals.from_json(told, [type(sampler)]) == Proposals(sampler)
        assert json.loads(json.dumps(Proposals.from_json(told, [type(sampler)]).to_json())) == told

    def test_another_seed_is_another_search(self, sampler: Sampler, space: Space) -> None:
        found = [_params(searched(Proposals(sampler, seed=seed), space)) for seed in range(3)]
        assert found[0] != found[1] or found[1] != found[2]

    def test_what_it_is_shown_stays_as_it_is(self, sampler: Sampler, space: Space) -> None:
        trials, past = searched(Proposals(sampler, lag=3), space).trials, Past()
        for trial in trials[:12]:
            past.add(trial)
        before = copy.deepcopy((past.trials, trials[12:]))
        proposed = Proposals(sampler, lag=5).propose(NAME, past, trials[12:], space)
        assert proposed.state == TrialState.RUNNING
        assert repr((past.trials, trials[12:])) == repr(before)

    def test_it_does_not_mind_trials_that_all_failed(self, sampler: Sampler, space: Space) -> None:
        study = searched(Proposals(sampler, lag=2), space, states=(TrialState.FAIL,))
        assert len(study.trials) == TRIALS


def searched(
    rule: Proposals,
    space: Space,
    order: random.Random | None = None,
    states: Sequence[TrialState] = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.COMPLETE),
) -> Study:
    """A study in memory, scored by the square of `x`, whose trials end in these states in turn and
    in this order, as many under way as the rule allows."""
    plan = StudyPlan(
        name=NAME,
        space=space,
        specs=lambda values: (),
        score=lambda results: 0.0,
        pruner=Never(),
        proposals=rule,
        trials=TRIALS,
    )
    study, order = Study(plan, Storage()), order or random.Random(0)
    under_way: list[int] = []
    while not study.finished:
        while proposal := study.next():
            under_way.append(proposal.number)
        number = under_way.pop(order.randrange(len(under_way)))
        value = float(study.params_of(number).get("x", 1.0)) ** 2
        state = states[number % len(states)]
        study.report(number, 1, value)
        study.finish(number, state, value if state == TrialState.COMPLETE else None, {})
    return study


def _params(study: Study) -> list[Mapping[str, Any]]:
    trials: list[FrozenTrial] = study.trials
    return [trial.params for trial in trials]
