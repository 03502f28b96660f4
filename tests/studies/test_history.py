"""What is known of a study: read as it changes, and no more of it than rules may see."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path

import optuna
import pytest
from optuna.storages import InMemoryStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import get_note, save_note

from fkd_core.studies import rows
from fkd_core.studies.history import BEST, LATEST, History, Past
from fkd_core.studies.notes import Note

X = optuna.distributions.FloatDistribution(0.0, 1.0)
KIND = optuna.distributions.CategoricalDistribution(("a", "b", None))


def _trial(
    number: int, value: float | None, state: TrialState = TrialState.COMPLETE
) -> FrozenTrial:
    steps = {} if value is None else {1: 2 * value, 2: value}
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=state,
        value=value,
        datetime_start=datetime.now(),
        datetime_complete=datetime.now() if state.is_finished() else None,
        params={"x": number % 97 / 97, "kind": ("a", "b", None)[number % 3]},
        distributions={"x": X, "kind": KIND},
        user_attrs={"seconds": 2.0, "fits": ["0123456789abcdef"]},
        system_attrs={"told": "in the beginning"},
        intermediate_values=steps,
    )


def _value(number: int) -> float:
    return 1 + (number * 61 % 307) / 307


@pytest.fixture(params=["memory", "SQLite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> optuna.storages.BaseStorage:
    if request.param == "memory":
        return InMemoryStorage()
    return RDBStorage(f"sqlite:///{tmp_path / 'studies.db'}")


def _study(storage: optuna.storages.BaseStorage) -> int:
    return storage.create_new_study([optuna.study.StudyDirection.MINIMIZE])


def test_the_past_keeps_the_best_and_the_latest() -> None:
    past = Past()
    for number in range(500):
        past.add(_trial(number, _value(number)))
    found = [trial.number for trial in past.trials]
    best = sorted(range(500), key=lambda number: (_value(number), number))[:BEST]
    assert found == sorted({*best, *range(500 - LATEST, 500)})
    assert (len(past), past.scored) == (500, 500)


def test_a_short_past_is_kept_whole() -> None:
    past = Past()
    for number in range(LATEST):
        past.add(_trial(number, None, TrialState.FAIL) if number % 4 else _trial(number, 1.0))
    assert [trial.number for trial in past.trials] == list(range(LATEST))
    assert past.scored == LATEST / 4


def test_whole_trials_come_before_pruned_ones_and_those_by_how_far_they_came() -> None:
    past = Past()
    late, early = _trial(1, 3.0, TrialState.PRUNED), _trial(2, 1.0, TrialState.PRUNED)
    del early.intermediate_values[2]
    for trial in (_trial(0, 9.0), late, early, _trial(3, None, TrialState.FAIL)):
        past.add(trial)
    assert [trial.number for _, trial in past._best] == [0, 1, 2]


def test_peers_are_those_before_a_trial_in_their_order() -> None:
    past = Past()
    for number in range(200):
        past.add(_trial(number, float(number) if number % 2 else None))
    assert past.peers(2, before=6) == [1.0, 3.0, 5.0]
    assert past.peers(1, before=6) == [2.0, 6.0, 10.0]
    assert past.peers(7, before=6) == []
    assert len(past.peers(2, before=200)) == 100, "also of those that are no longer kept whole"


def test_rows_are_what_optuna_reads(storage: optuna.storages.BaseStorage) -> None:
    study = _study(storage)
    odd = _trial(2, math.inf, TrialState.PRUNED)
    odd.intermediate_values[3] = math.nan
    for trial in (_trial(0, 1.5), _trial(1, None, TrialState.RUNNING), odd):
        storage.create_new_trial(study, trial)
    expected = storage.get_all_trials(study)
    found = list(rows.trials(storage, rows.heads(storage, study)))
    assert len(found) == 3
    for mine, theirs in zip(found, expected, strict=True):
        for name in (
            "number", "state", "values", "params", "distributions", "user_attrs", "system_attrs",
            "_trial_id", "datetime_start", "datetime_complete",
        ):  # fmt: skip
            assert getattr(mine, name) == getattr(theirs, name), name
        assert list(mine.params) == list(theirs.params), "in the order they were asked for"
        assert repr(sorted(mine.intermediate_values.items())) == repr(
            sorted(theirs.intermediate_values.items())
        )


def test_only_what_changed_is_read(
    storage: optuna.storages.BaseStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, lag = _study(storage), 4
    read: list[int] = []
    whole = rows.trials

    def counted(storage: optuna.storages.BaseStorage, heads: list[rows.Head]) -> object:
        read.extend(head.number for head in heads)
        return whole(storage, heads)

    monkeypatch.setattr(rows, "trials", counted)
    for number in range(40):
        storage.create_new_trial(study, _trial(number, _value(number)))
    history = History(storage, study, lambda n: max(0, n - lag + 1))
    history.read()
    assert read == list(range(40))
    assert (len(history), history.open, history.spent) == (40, [], 80.0)
    assert len(history.past) == 37, "as far as trial 40 may see"
    assert [trial.number for trial in history.since] == [37, 38, 39]
    read.clear()
    history.read()
    assert read == []
    running = storage.create_new_trial(study, _trial(40, None, TrialState.RUNNING))
    storage.create_new_trial(study, _trial(41, 1.0))
    history.read()
    assert read == [40, 41]
    assert (history.open, history.settled) == ([40], True)
    storage.create_new_trial(study, _trial(42, 1.0))
    storage.create_new_trial(study, _trial(43, 1.0))
    storage.set_trial_user_attr(running, "seconds", 7.0)
    history.read()
    assert not history.settled, "trial 44 may see trial 40, which has not ended"
    assert len(history.past) == 40
    assert history.spent == 80.0 + 7.0 + 3 * 2.0
    read.clear()
    storage.set_trial_state_values(running, TrialState.COMPLETE, [1.0])
    history.read()
    assert read == [40]
    assert (len(history.past), history.settled) == (41, True)
    assert history.open_trial(40) is None


def test_a_note_is_the_dashboard_s_and_reads_no_other(
    storage: optuna.storages.BaseStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = optuna.create_study(storage=storage)
    trials = [study.ask() for _ in range(3)]
    long = "A long one. " * 1000
    for trial, text in zip(trials, ("One.", long, "Three."), strict=True):
        save_note(Note(storage, study, trial._trial_id), text)
    assert [get_note(trial) for trial in trials] == ["One.", long, "Three."]
    note = Note(storage, study, trials[1]._trial_id)
    assert get_note(note) == long
    save_note(note, "Shorter.")
    assert get_note(note) == get_note(trials[1]) == "Shorter."
    if isinstance(storage, RDBStorage):
        monkeypatch.setattr(RDBStorage, "get_study_system_attrs", None)
        assert get_note(note) == "Shorter."
