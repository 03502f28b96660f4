"""The scheduler: what it does with what workers tell, without Ray and without fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import TrialState

from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import Failed, FitResult, Progress, to_record
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5
from fkd_core.running.pool import Lost, Worker
from fkd_core.running.session import RETRIES
from fkd_core.running.simulated import outcome, simulated_faces
from fkd_core.studies.costs import Costs
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Halving
from fkd_core.studies.sampling import Random
from fkd_core.studies.scheduler import Scheduler
from fkd_core.studies.storage import Storage
from fkd_core.studies.study import Study, StudyPlan
from fkd_core.studies.trial import SPENT

FACES = simulated_faces()
EPOCHS, LOOKS = 18, (2, 6)
RATES = (3e-3, 2e-3, 4e-3, 2.9e-3, 1e-4, 3.01e-3)
"""One a trial; the simulated optimum is 3e-3."""
AT_ONCE = Proposals(Random(), lag=3, first=[{"rate": rate} for rate in RATES])


class OneWorker:
    """Does one trial at a time; those that were dropped are gone."""

    def __init__(self, share: float = 0.0) -> None:
        self.idle, self.dropped = [Worker("the worker", "here", None)], 0
        self.share, self.shares = share, [share]

    def take(self) -> Worker | None:
        return self.idle.pop() if self.idle else None

    def give(self, worker: Worker) -> None:
        self.idle.append(worker)

    def resize(self, share: float) -> None:
        assert self.idle, "none may be taken"
        if share != self.share:
            self.share = share
            self.shares.append(share)

    def drop(self, worker: Worker) -> None:
        self.dropped += 1
        self.idle.append(worker)


def _spec(rate: float) -> FitSpec:
    return FitSpec(LeNet5(), training=Training(EPOCHS, learning_rate=rate))


def _study(storage: Storage, **changes: Any) -> Study:
    parts: dict[str, Any] = {
        "name": "tuning",
        "space": lambda trial: {"rate": trial.suggest_float("rate", 1e-5, 1.0, log=True)},
        "specs": lambda values: [_spec(values["rate"])],
        "score": lambda results: float(np.mean([result.rmse for result in results])),
        "pruner": Halving(3),
        "proposals": Proposals(Random(), lag=1, first=[{"rate": rate} for rate in RATES]),
        "trials": len(RATES),
        "looks": LOOKS,
        "steps_a_fit": EPOCHS,
    }
    return Study(StudyPlan(**(parts | changes)), storage)


@pytest.fixture
def fits(tmp_path: Path) -> Fits:
    return Fits(FitStore(tmp_path / "fits"), FACES.fingerprint)


@pytest.fixture
def storage() -> Storage:
    return Storage()


def _work(scheduler: Scheduler, told_at_most: int = 1000) -> list[tuple[str, int]]:
    """One worker's life: each trial's fits from look to look. Gives what was told: (trial,
    epoch)."""
    told = []
    number = 0
    while suggestion := scheduler.suggest(str(number)):
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
                ended = scheduler.on_result(
                    str(number), (*to_record(spec, result), []) if whole else on_the_way
                )
                if ended:
                    break
        scheduler.on_end(str(number))
        number += 1
    return told


def _states(study: Study) -> list[tuple[str, list[int]]]:
    return [(t.state.name, sorted(t.intermediate_values)) for t in study.trials]


def test_trials_that_fall_behind_are_pruned_at_the_step_they_had_reached(
    fits: Fits, storage: Storage
) -> None:
    study = _study(storage)
    scheduler = Scheduler([study], fits, OneWorker())
    _work(scheduler)
    whole = [2, 6, 18]
    assert _states(study) == [
        ("COMPLETE", whole),
        ("COMPLETE", whole),
        ("COMPLETE", whole),
        ("PRUNED", [2]),
        ("PRUNED", [2]),
        ("PRUNED", [2, 6]),
    ]
    assert scheduler.finished
    pruned = study.trials[3]
    assert pruned.value == pytest.approx(pruned.intermediate_values[2]), "Optuna keeps its last"
    assert study.trials[3].user_attrs["fits"] == [], "a prefix is no fit"
    assert len(fits.store.rows()) == 3, "and the store knows whole fits only"


def test_a_trial_costs_what_its_worker_spent_and_the_store_costs_nothing(
    fits: Fits, storage: Storage
) -> None:
    study = _study(storage)
    _work(Scheduler([study], fits, OneWorker()))
    spent = [trial.user_attrs.get("seconds", 0.0) for trial in study.trials]
    assert spent == [18.0, 18.0, 18.0, 2.0, 2.0, 6.0]
    assert study.spent == 64.0
    again = _study(storage, name="the same again", trials=3)
    _work(Scheduler([again], fits, OneWorker()))
    assert _states(again) == _states(study)[:3], "exact repeats are answered from the store"
    assert again.spent == 0.0


def test_a_limit_on_seconds_is_a_hard_stop(fits: Fits, storage: Storage) -> None:
    study = _study(storage, seconds=40.0)
    scheduler = Scheduler([study], fits, OneWorker())
    _work(scheduler)
    assert _states(study) == [
        ("COMPLETE", [2, 6, 18]),
        ("COMPLETE", [2, 6, 18]),
        ("FAIL", [2, 6]),
    ]
    assert study.trials[2].user_attrs["failure"] == SPENT
    assert study.spent == 42.0, "stopped where the limit was first seen to be passed"
    assert scheduler.finished
    assert study.next() is None, "a rerun does not go on"


def test_a_driver_that_died_between_looks_leaves_no_trace(
    fits: Fits, storage: Storage, tmp_path: Path
) -> None:
    calm = _study(Storage())
    _work(Scheduler([calm], Fits(FitStore(tmp_path / "calm"), FACES.fingerprint), OneWorker()))
    for told in (1, 2, 3, 5, 8):
        _work(Scheduler([_study(storage)], fits, OneWorker()), told)
    study = _study(storage)
    _work(Scheduler([study], fits, OneWorker()))
    assert _states(study) == _states(calm)
    assert [t.value for t in study.trials] == [t.value for t in calm.trials]
    assert study.spent > calm.spent, "what was lost was spent all the same"


def test_an_outcome_that_failed_fails_its_trial(fits: Fits, storage: Storage) -> None:
    study = _study(storage, trials=1)
    scheduler = Scheduler([study], fits, OneWorker())
    suggestion = scheduler.suggest("0")
    assert suggestion is not None
    spec = FitSpec.from_json(suggestion["specs"][0])
    assert scheduler.on_result("0", (*to_record(spec, Failed("the loss became nan")), []))
    assert study.trials[0].state == TrialState.FAIL
    assert study.trials[0].user_attrs["failure"] == "the loss became nan"
    assert len(fits.store.rows()) == 1, "an equal fit would fail again, so it is never repeated"


def test_a_larger_total_goes_on_where_the_smaller_one_ended(fits: Fits, tmp_path: Path) -> None:
    at_once, in_two = Storage(), Storage()
    _work(Scheduler([_study(at_once)], fits, OneWorker()))
    for trials in (3, len(RATES)):
        _work(Scheduler([_study(in_two, trials=trials)], fits, OneWorker()))
    assert [t.params for t in _study(in_two).trials] == [t.params for t in _study(at_once).trials]
    assert _states(_study(in_two)) == _states(_study(at_once))


def test_a_trial_whose_worker_is_lost_goes_on_with_another_and_is_no_failure(
    fits: Fits, storage: Storage
) -> None:
    study, workers = _study(storage, trials=1), OneWorker()
    scheduler = Scheduler([study], fits, workers)
    for attempt in range(RETRIES):
        assert scheduler.suggest(str(attempt)) is not None
        assert scheduler.on_result(str(attempt), Lost("its machine left"))
        scheduler.on_end(str(attempt))
        assert study.trials[0].state == TrialState.RUNNING
    _work(scheduler)
    assert study.trials[0].state == TrialState.COMPLETE
    assert study.trials[0].user_attrs["interrupted"] == RETRIES == workers.dropped


def test_what_a_lost_worker_had_spent_is_counted_beside_what_the_next_one_spends(
    fits: Fits, storage: Storage
) -> None:
    study = _study(storage, trials=1)
    scheduler = Scheduler([study], fits, OneWorker())
    assert scheduler.suggest("0") is not None
    assert not scheduler.on_result("0", Progress(2, [9.0, 8.0], 2.0))
    scheduler.on_result("0", Lost("its machine left"))
    _work(scheduler)
    assert study.trials[0].user_attrs["seconds"] == 2.0 + EPOCHS


@pytest.mark.parametrize(("lost", "after"), [
    (Lost("killed by the system"), RETRIES + 1),
    (Lost("took longer than 1 min", repeat=False), 1),
])  # fmt: skip
def test_a_fit_that_kills_or_holds_up_its_workers_fails_its_trial_in_the_end(
    fits: Fits, storage: Storage, lost: Lost, after: int
) -> None:
    study = _study(storage, trials=1)
    scheduler = Scheduler([study], fits, OneWorker())
    for attempt in range(after):
        assert study.trials == [] or study.trials[0].state == TrialState.RUNNING
        assert scheduler.suggest(str(attempt)) is not None
        scheduler.on_result(str(attempt), lost)
    assert study.trials[0].state == TrialState.FAIL
    assert study.trials[0].user_attrs["failure"] == lost.reason
    assert scheduler.finished
    assert not fits.store.rows(), "nothing is said of the fit itself"


def test_a_worker_that_left_of_its_own_will_speaks_against_nothing(
    fits: Fits, storage: Storage
) -> None:
    study = _study(storage, trials=1)
    scheduler = Scheduler([study], fits, OneWorker())
    for attempt in range(3 * RETRIES):
        assert scheduler.suggest(str(attempt)) is not None
        scheduler.on_result(str(attempt), Lost("exit_actor", counts=False))
    assert study.trials[0].state == TrialState.RUNNING


def test_the_ledger_tells_what_was_spent_and_what_pruning_and_the_store_saved(
    fits: Fits, storage: Storage
) -> None:
    study = _study(storage)
    _work(Scheduler([study], fits, OneWorker()))
    assert Costs.of(study.trials) == Costs(spent=64.0, pruned=16.0 + 16.0 + 12.0, stored=0.0)
    again = _study(storage, name="the same again", trials=3)
    _work(Scheduler([again], fits, OneWorker()))
    assert Costs.of(again.trials) == Costs(spent=0.0, pruned=0.0, stored=3 * 18.0)


def _without_room(needs: float, scheduler: Scheduler, workers: OneWorker) -> None:
    """One worker's life; trial 1's fits run out of memory on less than this share of a GPU."""
    for attempt in range(40):
        if scheduler.finished:
            return
        suggestion = scheduler.suggest(str(attempt))
        if suggestion is None:
            continue
        (spec,) = map(FitSpec.from_json, suggestion["specs"])
        cramped = spec == _spec(RATES[1]) and workers.share < needs
        result = (
            Failed("out of memory: OOM", out_of_memory=True) if cramped else outcome(spec, FACES)
        )
        scheduler.on_result(str(attempt), (*to_record(spec, result), []))
        scheduler.on_end(str(attempt))
    raise AssertionError("it never ends")


def test_what_runs_out_of_memory_gets_a_larger_share_once_the_others_are_done(
    fits: Fits, storage: Storage
) -> None:
    study, workers = _study(storage, looks=(), trials=3, proposals=AT_ONCE), OneWorker(0.25)
    _without_room(0.5, Scheduler([study], fits, workers), workers)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3
    assert workers.shares == [0.25, 0.5]
    assert study.trials[1].user_attrs["interrupted"] == 1


def test_what_runs_out_of_memory_again_fails_with_the_reason_and_is_not_kept(
    fits: Fits, storage: Storage
) -> None:
    study, workers = _study(storage, looks=(), trials=3, proposals=AT_ONCE), OneWorker(0.25)
    scheduler = Scheduler([study], fits, workers)
    _without_room(1.0, scheduler, workers)
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "FAIL", "COMPLETE"]
    assert study.trials[1].user_attrs["failure"] == "out of memory: OOM"
    assert _spec(RATES[1]) not in fits, "with more memory it may succeed"


def test_a_held_trial_that_others_have_answered_meanwhile_needs_no_worker(
    fits: Fits, storage: Storage
) -> None:
    study, workers = _study(storage, trials=2, proposals=AT_ONCE), OneWorker()
    scheduler = Scheduler([study], fits, workers)
    assert scheduler.suggest("0") is not None
    scheduler.on_result("0", Lost("its machine left"))
    fits.keep(_spec(RATES[0]), outcome(_spec(RATES[0]), FACES))
    suggestion = scheduler.suggest("1")
    assert suggestion is not None
    assert [FitSpec.from_json(spec) for spec in suggestion["specs"]] == [_spec(RATES[1])]
    assert study.trials[0].state == TrialState.COMPLETE


def test_only_the_first_fit_of_a_trial_is_looked_at_on_its_way(
    fits: Fits, storage: Storage
) -> None:
    def both(values: Mapping[str, Any]) -> list[FitSpec]:
        return [replace(_spec(values["rate"]), seed=seed) for seed in (0, 1)]

    scheduler = Scheduler([_study(storage, trials=2, specs=both)], fits, OneWorker())
    suggestion = scheduler.suggest("0")
    assert suggestion is not None
    assert suggestion["looks"] == [*LOOKS]
    first, _ = both({"rate": RATES[0]})
    assert not scheduler.on_result("0", (*to_record(first, outcome(first, FACES)), []))
    scheduler.on_result("0", Lost("its machine left"))
    again = scheduler.suggest("1")
    assert again is not None
    assert again["looks"] == []
