"""Studies: proposals that do not depend on timing, and trials that are left in a true state."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import BaseTrial, TrialState

from fkd_core.errors import UserError
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Never
from fkd_core.studies.sampling import TPE, Grid
from fkd_core.studies.storage import Storage, open_storage
from fkd_core.studies.study import Proposal, Study, StudyPlan

Params = dict[str, Any]
RULE = Proposals(TPE(n_startup_trials=3), lag=3)


def _space(trial: BaseTrial) -> Params:
    return {"x": trial.suggest_float("x", -5, 5), "kind": trial.suggest_categorical("kind", "ab")}


def _plan(**changes: Any) -> StudyPlan:
    parts: dict[str, Any] = {
        "name": "quadratic",
        "space": _space,
        "specs": lambda values: [dict(values)],
        "score": lambda results: 0.0,
        "pruner": Never(),
        "proposals": RULE,
        "trials": 14,
    }
    return StudyPlan(**(parts | changes))


def _value(proposal: Proposal) -> float:
    values: Any = proposal.specs[0]
    return float(values["x"] ** 2 + (values["kind"] == "a"))


def _run(study: Study, order: random.Random, stop_after: int = 10_000) -> None:
    """Works at up to `lag` trials at once and ends them in a random order."""
    open_trials: list[Proposal] = []
    ended = 0
    while not study.finished and ended < stop_after:
        while len(open_trials) < study.plan.proposals.lag and (proposal := study.next()):
            open_trials.append(proposal)
        proposal = open_trials.pop(order.randrange(len(open_trials)))
        study.report(proposal.number, 1, _value(proposal))
        study.finish(proposal.number, TrialState.COMPLETE, _value(proposal), {})
        ended += 1


def _params(study: Study) -> list[Params]:
    return [trial.params for trial in study.trials]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(f"sqlite:///{tmp_path / 'studies.db'}")


def test_proposals_are_the_same_whatever_the_order_of_results(
    storage: Storage,
) -> None:
    studies = [Study(_plan(name="quadratic"), Storage()) for _ in "abc"]
    for seed, study in enumerate(studies):
        _run(study, random.Random(seed))
    assert _params(studies[0]) == _params(studies[1]) == _params(studies[2])
    assert len(_params(studies[0])) == 14
    best = min(trial.value or 0.0 for trial in studies[0].trials)
    assert best < 1.0, "the sampler learns in spite of the lag"


def test_a_driver_that_died_leaves_trials_that_the_next_one_goes_on_with(
    storage: Storage,
) -> None:
    undisturbed = Study(_plan(), Storage())
    _run(undisturbed, random.Random(0))
    for ended in (1, 4, 2):
        _run(Study(_plan(), storage), random.Random(ended), stop_after=ended)
    last = Study(_plan(), storage)
    assert any(trial.state == TrialState.RUNNING for trial in last.trials)
    _run(last, random.Random(9))
    assert _params(last) == _params(undisturbed)
    assert {trial.state for trial in last.trials} == {TrialState.COMPLETE}


def test_trial_n_waits_for_the_trials_up_to_n_minus_the_lag() -> None:
    study = Study(_plan(proposals=replace(RULE, lag=2)), Storage())
    first, second = study.next(), study.next()
    assert first
    assert second
    assert study.next() is None
    study.finish(second.number, TrialState.COMPLETE, 1.0, {})
    assert study.next() is None, "trial 2 may see trial 0, which has not ended"
    study.finish(first.number, TrialState.COMPLETE, 1.0, {})
    assert study.next() is not None


def test_the_first_trials_can_be_given() -> None:
    first = ({"x": 1.5, "kind": "b"},)
    study = Study(_plan(proposals=replace(RULE, first=first)), Storage())
    assert study.next() is not None
    assert study.trials[0].params == {"x": 1.5, "kind": "b"}


def test_a_grid_is_tried_once_each() -> None:
    plan = _plan(
        space=lambda trial: {"x": trial.suggest_float("x", 0, 1), "kind": "a"},
        proposals=Proposals(Grid({"x": [0.0, 0.5, 1.0]}), lag=3),
        trials=3,
    )
    study = Study(plan, Storage())
    _run(study, random.Random(1))
    assert sorted(params["x"] for params in _params(study)) == [0.0, 0.5, 1.0]


def test_states_values_steps_and_reasons_are_kept(storage: Storage) -> None:
    study = Study(_plan(), storage)
    numbers = [proposal.number for proposal in (study.next(), study.next()) if proposal]
    study.report(numbers[0], 1, 0.5)
    study.report(numbers[0], 1, 0.7)
    study.finish(numbers[0], TrialState.PRUNED, None, {})
    study.finish(numbers[1], TrialState.FAIL, None, {"failure": "out of memory"})
    study.finish(numbers[1], TrialState.COMPLETE, 1.0, {})
    pruned, failed = study.trials
    assert (pruned.state, pruned.intermediate_values) == (TrialState.PRUNED, {1: 0.5})
    assert (failed.state, failed.user_attrs["failure"]) == (TrialState.FAIL, "out of memory")


@pytest.mark.parametrize(
    "url",
    ["nonsense", "sqlite:////no/such/folder/studies.db", "nosuchdatabase://user:secret@host/db"],
)
def test_a_storage_that_cannot_be_opened_is_one_clear_error(url: str) -> None:
    with pytest.raises(UserError, match="--storage") as caught:
        open_storage(url)
    assert "secret" not in str(caught.value)
