"""The brain: what it does with what workers tell, without Ray and without fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from simulated_search import outcome, simulated_faces

from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import Failed, FitResult, Progress, to_record
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5
from fkd_core.search.brain import SPENT, Brain
from fkd_core.search.proposals import Proposals
from fkd_core.search.racing import falls_behind
from fkd_core.search.studies import Study, StudyPlan

FACES = simulated_faces()
EPOCHS, LOOKS = 18, (2, 6)
RATES = (3e-3, 2e-3, 4e-3, 2.9e-3, 1e-4, 3.01e-3)
"""One a trial; the simulated optimum is 3e-3."""


def _spec(rate: float) -> FitSpec:
    return FitSpec(LeNet5(), training=Training(EPOCHS, learning_rate=rate))


def _study(storage: optuna.storages.BaseStorage, **changes: Any) -> Study:
    parts: dict[str, Any] = {
        "name": "tuning",
        "space": lambda trial: {"rate": trial.suggest_float("rate", 1e-5, 1.0, log=True)},
        "specs": lambda values: [_spec(values["rate"])],
        "score": lambda results: float(np.mean([result.rmse for result in results])),
        "hopeless": lambda look: falls_behind(look.value, look.peers, 3),
        "proposals": Proposals("random", lag=1, first=[{"rate": rate} for rate in RATES]),
        "trials": len(RATES),
        "looks": LOOKS,
        "steps_a_fit": EPOCHS,
    }
    return Study(StudyPlan(**(parts | changes)), storage)


@pytest.fixture
def fits(tmp_path: Path) -> Fits:
    return Fits(FitStore(tmp_path / "fits"), FACES.fingerprint)


@pytest.fixture
def storage() -> optuna.storages.BaseStorage:
    return optuna.storages.InMemoryStorage()


def _work(brain: Brain, told_at_most: int = 1000) -> list[tuple[str, int]]:
    """One worker's life: each trial's fits from look to look. Gives what was told: (trial,
    epoch)."""
    told = []
    number = 0
    while suggestion := brain.suggest(str(number)):
        for spec in map(FitSpec.from_json, suggestion["specs"]):
            result = outcome(spec, FACES)
            assert isinstance(result, FitResult)
            for epoch in (*suggestion["looks"], EPOCHS):
                if len(told) == told_at_most:
                    return told
                told.append((str(number), epoch))
                whole = epoch == EPOCHS
                rmse = list(result.history["held_out_rmse"][:epoch])
                on_the_way = Progress(epoch, rmse, float(epoch))
                ended = brain.on_result(
                    str(number), (*to_record(spec, result), []) if whole else on_the_way
                )
                if ended:
                    break
        brain.on_end(str(number))
        number += 1
    return told


def _states(study: Study) -> list[tuple[str, list[int]]]:
    return [(t.state.name, sorted(t.intermediate_values)) for t in study.trials]


def test_trials_that_fall_behind_are_pruned_at_the_step_they_had_reached(
    fits: Fits, storage: optuna.storages.BaseStorage
) -> None:
    study = _study(storage)
    brain = Brain([study], fits, [0], None)
    _work(brain)
    whole = [2, 6, 18]
    assert _states(study) == [
        ("COMPLETE", whole),
        ("COMPLETE", whole),
        ("COMPLETE", whole),
        ("PRUNED", [2]),
        ("PRUNED", [2]),
        ("PRUNED", [2, 6]),
    ]
    assert brain.finished
    pruned = study.trials[3]
    assert pruned.value == pytest.approx(pruned.intermediate_values[2]), "Optuna keeps its last"
    assert study.trials[3].user_attrs["fits"] == [], "a prefix is no fit"
    assert len(fits.store.rows()) == 3, "and the store knows whole fits only"


def test_a_trial_costs_what_its_worker_spent_and_the_store_costs_nothing(
    fits: Fits, storage: optuna.storages.BaseStorage
) -> None:
    study = _study(storage)
    _work(Brain([study], fits, [0], None))
    spent = [trial.user_attrs.get("seconds", 0.0) for trial in study.trials]
    assert spent == [18.0, 18.0, 18.0, 2.0, 2.0, 6.0]
    assert study.spent == 64.0
    again = _study(storage, name="the same again", trials=3)
    _work(Brain([again], fits, [0], None))
    assert _states(again) == _states(study)[:3], "exact repeats are answered from the store"
    assert again.spent == 0.0


def test_a_limit_on_seconds_is_a_hard_stop(
    fits: Fits, storage: optuna.storages.BaseStorage
) -> None:
    study = _study(storage, seconds=40.0)
    brain = Brain([study], fits, [0], None)
    _work(brain)
    assert _states(study) == [
        ("COMPLETE", [2, 6, 18]),
        ("COMPLETE", [2, 6, 18]),
        ("FAIL", [2, 6]),
    ]
    assert study.trials[2].user_attrs["failure"] == SPENT
    assert study.spent == 42.0, "stopped where the limit was first seen to be passed"
    assert brain.finished
    assert study.next() is None, "a rerun does not go on"


def test_a_driver_that_died_between_looks_leaves_no_trace(
    fits: Fits, storage: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    calm = _study(optuna.storages.InMemoryStorage())
    _work(Brain([calm], Fits(FitStore(tmp_path / "calm"), FACES.fingerprint), [0], None))
    for told in (1, 2, 3, 5, 8):
        _work(Brain([_study(storage)], fits, [0], None), told)
    study = _study(storage)
    _work(Brain([study], fits, [0], None))
    assert _states(study) == _states(calm)
    assert [t.value for t in study.trials] == [t.value for t in calm.trials]
    assert study.spent > calm.spent, "what was lost was spent all the same"


def test_an_outcome_that_failed_fails_its_trial(
    fits: Fits, storage: optuna.storages.BaseStorage
) -> None:
    study = _study(storage, trials=1)
    brain = Brain([study], fits, [0], None)
    suggestion = brain.suggest("0")
    assert suggestion is not None
    spec = FitSpec.from_json(suggestion["specs"][0])
    assert brain.on_result("0", (*to_record(spec, Failed("out of memory: much")), []))
    assert study.trials[0].state == TrialState.FAIL
    assert study.trials[0].user_attrs["failure"] == "out of memory: much"


def test_a_larger_total_goes_on_where_the_smaller_one_ended(fits: Fits, tmp_path: Path) -> None:
    at_once, in_two = optuna.storages.InMemoryStorage(), optuna.storages.InMemoryStorage()
    _work(Brain([_study(at_once)], fits, [0], None))
    for trials in (3, len(RATES)):
        _work(Brain([_study(in_two, trials=trials)], fits, [0], None))
    assert [t.params for t in _study(in_two).trials] == [t.params for t in _study(at_once).trials]
    assert _states(_study(in_two)) == _states(_study(at_once))
