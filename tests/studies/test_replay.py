"""A study's proposals come out again from what is on record, and only from that."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import BaseTrial, FrozenTrial, TrialState

from fkd_core.errors import UserError
from fkd_core.studies import history, sampling
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Never
from fkd_core.studies.replay import Replayed, replay, rule_of
from fkd_core.studies.storage import open_storage
from fkd_core.studies.study import Study, StudyPlan

NAME = "tuning/complete/conv5@0123abcd"
TPE = Proposals(
    sampling.TPE(n_startup_trials=4, group=True),
    seed=3,
    lag=3,
    first=({"x": 1.5, "kind": "b", "n": 4},),
)


def _space(trial: BaseTrial) -> dict[str, Any]:
    values: dict[str, Any] = {
        "x": trial.suggest_float("x", -5, 5),
        "rate": trial.suggest_float("rate", 1e-5, 1e-1, log=True),
        "kind": trial.suggest_categorical("kind", ("a", "b", None)),
        "n": trial.suggest_int("n", 2, 10, step=2),
    }
    if values["kind"] == "a":  # asked of some trials only
        values["share"] = trial.suggest_float("share", 0, 1, step=0.25)
    return values


def _search(url: str, rule: Proposals = TPE, space: Any = _space, trials: int = 16) -> Study:
    """A study whose trials end in random order, every fifth pruned and every seventh failed; the
    last ones are left running."""
    plan = StudyPlan(
        name=NAME,
        space=space,
        specs=lambda values: [dict(values)],  # type: ignore[list-item]
        score=lambda results: 0.0,
        pruner=Never(),
        proposals=rule,
        trials=trials,
    )
    study, order = Study(plan, open_storage(url)), random.Random(0)
    at_work: list[tuple[int, float]] = []
    while len(at_work) > 2 or len(study.trials) < trials:
        while len(at_work) < rule.lag and (proposal := study.next()):
            values: Any = proposal.specs[0]
            at_work.append((proposal.number, float(values.get("x", 1.0) ** 2)))
        number, value = at_work.pop(order.randrange(len(at_work)))
        study.report(number, 1, value)
        if number % 5 == 4:
            study.finish(number, TrialState.PRUNED, None, {})
        elif number % 7 == 6:
            study.finish(number, TrialState.FAIL, None, {"failure": "out of memory"})
        else:
            study.finish(number, TrialState.COMPLETE, value, {})
    return study


def _on_record(url: str) -> list[FrozenTrial]:
    """The trials as another process would read them."""
    return optuna.load_study(study_name=NAME, storage=url).get_trials()


def _replayed(url: str) -> list[Replayed]:
    notes = optuna.load_study(study_name=NAME, storage=url).user_attrs
    return list(replay(NAME, rule_of(NAME, notes), _on_record(url)))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'studies.db'}"


def _tamper(url: str, statement: str) -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        assert database.execute(statement).rowcount == 1


def test_a_search_with_pruned_and_failed_trials_comes_out_again(url: str) -> None:
    study = _search(url)
    states = {trial.state for trial in study.trials}
    assert states == {*TrialState} - {TrialState.WAITING}
    found = _replayed(url)
    assert [each.trial.number for each in found] == list(range(16))
    assert all(each.same for each in found)
    assert len({str(each.proposed) for each in found}) == 16
    assert {"share" in each.trial.params for each in found} == {True, False}


def test_a_search_that_sees_only_a_part_of_its_past_comes_out_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LATEST", 5)
    monkeypatch.setattr(history, "BEST", 3)
    _search(url, trials=20)
    assert all(each.same for each in _replayed(url))
    monkeypatch.undo()
    assert not all(each.same for each in _replayed(url)), "it matters what they saw"


def test_trials_that_wait_for_another_driver_are_asked_again_too(url: str) -> None:
    _search(url).close()
    assert TrialState.WAITING in [trial.state for trial in _on_record(url)]
    assert all(each.same for each in _replayed(url))


@pytest.mark.parametrize(
    ("rule", "space"),
    [
        (Proposals(sampling.Random(), lag=2), _space),
        (
            Proposals(sampling.Grid({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]}), lag=3),
            lambda trial: {"x": trial.suggest_float("x", 0, 5)},
        ),
        (Proposals(sampling.Random(), lag=2), lambda trial: {}),
    ],
    ids=["random", "grid", "nothing is asked"],
)
def test_every_rule_can_be_asked_again(url: str, rule: Proposals, space: Any) -> None:
    _search(url, rule, space, trials=6)
    found = _replayed(url)
    assert len(found) == 6
    assert all(each.same for each in found)


def test_a_result_changed_afterwards_changes_what_is_proposed(url: str) -> None:
    _search(url)
    _tamper(url, "UPDATE trial_values SET value = -1000 WHERE trial_id = 4")
    same = [each.same for each in _replayed(url)]
    assert all(same[: 3 + TPE.lag]), "they did not see trial 3"
    assert not all(same)


def test_a_parameter_changed_afterwards_is_found_at_its_trial(url: str) -> None:
    _search(url)
    _tamper(
        url, "UPDATE trial_params SET param_value = 0.5 WHERE trial_id = 10 AND param_name = 'x'"
    )
    found = _replayed(url)
    assert found[9].trial.params["x"] == 0.5
    assert not found[9].same
    assert all(each.same for each in found[:9])


def test_a_trial_proposed_before_those_it_waits_for_have_ended_does_not_come_out(url: str) -> None:
    _search(url)
    _tamper(url, "UPDATE trials SET state = 'WAITING' WHERE trial_id = 6")
    found = _replayed(url)
    assert found[5].same
    late = 5 + TPE.lag
    assert all(each.proposed is not None for each in found[:late])
    assert [each.proposed for each in found[late:]] == [None] * (16 - late)
    assert not any(each.same for each in found[late:])


def test_a_study_without_a_known_rule_is_one_clear_error() -> None:
    with pytest.raises(UserError, match="does not tell how its trials were proposed"):
        rule_of(NAME, {"model": "conv5"})
    with pytest.raises(UserError, match="another version of this code"):
        rule_of(NAME, {"proposals": {"sampler": "tpe", "telepathy": True}})
