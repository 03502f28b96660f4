"""Studies: a plan, and what Optuna's storage holds of it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from fkd_core.errors import UserError
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.studies import rows
from fkd_core.studies.history import History
from fkd_core.studies.notes import Note
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Pruner
from fkd_core.studies.storage import Storage, trial_lock

Values = Mapping[str, Any]

_METRIC = "study:metric_names"
"""Optuna's own name of it: asked alone, as the notes of all trials lie with the study, too."""


@dataclass(frozen=True)
class StudyPlan:
    """One study: what is searched, and how a trial of it is scored."""

    name: str
    """Says what is searched; a plan that differs in anything needs another name."""
    space: Callable[[optuna.trial.BaseTrial], Values]
    """Asks the trial for its parameters; plain Python."""
    specs: Callable[[Values], Sequence[FitSpec]]
    """The fits a trial is scored on, in order."""
    score: Callable[[Sequence[FitResult]], float]
    """The trial's value after these fits, the first of its specs; lower is better."""
    pruner: Pruner
    """Whether a trial need not go on."""
    proposals: Proposals
    """Which parameters each trial gets."""
    trials: int
    """The fixed total."""
    looks: Sequence[int] = ()
    """Epochs of the first fit after which the trial is looked at, on its held-out RMSE."""
    steps_a_fit: int = 1
    """What a whole fit counts as in Optuna's steps: its epochs, where looks are in epochs."""
    seconds: float | None = None
    """Hard limit of what all trials together may spend in workers; None for no limit."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Shown with the study in the dashboard."""
    measures: str = "score"
    """What a trial's value is and its unit: the metric's name in the dashboard."""
    control: Sequence[FitResult] = ()
    """What a trial's fits are measured against, one by one; empty where by themselves."""


@dataclass(frozen=True)
class Proposal:
    """A trial to be scored: new, or left running by a driver that died."""

    number: int
    specs: Sequence[FitSpec]


class Study:
    """A plan and what the storage holds of it, as one driver sees it.

    Raises UserError where another driver works at it and the storage allows only one.
    """

    def __init__(self, plan: StudyPlan, storage: Storage) -> None:
        self.plan, self._storage, self._locks = plan, storage.optuna, storage.locks
        if not self._locks.many and not self._locks.take(plan.name):
            raise UserError(
                f"study {plan.name} is being searched by another process, and SQLite serves one "
                "at a time; wait for it or stop it, or give both "
                "--storage postgresql+psycopg://user@host/database"
            )
        with self._locks.turn(plan.name):
            self._study = optuna.create_study(
                study_name=plan.name,
                storage=self._storage,
                sampler=optuna.samplers.RandomSampler(seed=0),  # unused: see Proposals
                direction="minimize",
                load_if_exists=True,
            )
            known = self._study.user_attrs
            for name, value in {**plan.notes, "proposals": plan.proposals.to_json()}.items():
                if known.get(name) != value:
                    self._study.set_user_attr(name, value)
            named = rows.study_attributes(self._storage, self._study._study_id, [_METRIC])
            if named.get(_METRIC) != [plan.measures]:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ExperimentalWarning)
                    self._study.set_metric_names([plan.measures])
        self._id = self._study._study_id
        self._history = History(self._storage, self._id, plan.proposals.seen)
        self._mine: dict[int, _Mine] = {}

    @property
    def shown(self) -> optuna.Study:
        """For Optuna's own plots; nothing is asked or told through it."""
        return self._study

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials in order of their numbers, read anew: not for what is done every trial."""
        return list(rows.trials(self._storage, rows.heads(self._storage, self._id)))

    @property
    def finished(self) -> bool:
        """Whether the fixed total, or the limit, is reached and every trial has ended."""
        self._history.read()
        enough = len(self._history) >= self.plan.trials or self.exhausted
        return enough and not self._history.open

    @property
    def ended(self) -> int:
        """How many trials have ended."""
        self._history.read()
        return len(self._history) - len(self._history.open)

    @property
    def best(self) -> float | None:
        """The lowest value of a whole trial, read anew like ``trials``."""
        whole = [t.value for t in self.trials if t.state == TrialState.COMPLETE]
        return min((value for value in whole if value is not None), default=None)

    @property
    def spent(self) -> float:
        """Seconds that workers have really given to all trials; what the store had costs none."""
        self._history.read()
        return self._history.spent

    @property
    def exhausted(self) -> bool:
        """Whether the limit is reached."""
        return self.plan.seconds is not None and self.spent >= self.plan.seconds

    def next(self) -> Proposal | None:
        """The next trial to score, or None for now: wait for others, or there is none left."""
        history, name = self._history, self.plan.name
        with self._locks.turn(name):
            history.read()
            for number in history.open:  # left over by a driver that is gone
                if number not in self._mine and self._lock(number):
                    if trial := history.open_trial(number):
                        return self._begin(trial)
                    self._let_go(number)  # by its driver, just now
            n = len(history)
            if n >= self.plan.trials or not history.settled or self.exhausted:
                return None
            proposed = self.plan.proposals.propose(
                name, history.past, history.since, self.plan.space
            )
            self._storage.create_new_trial(self._id, proposed)
            self._lock(n)
            trial = history.open_trial(n)
            assert trial is not None, "nobody else may end it"
            return self._begin(trial)

    def _lock(self, number: int) -> bool:
        return not self._locks.many or self._locks.take(trial_lock(self.plan.name, number))

    def _begin(self, trial: FrozenTrial) -> Proposal:
        self._mine[trial.number] = _Mine.of(trial)
        if trial.state == TrialState.WAITING:
            self._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
        fixed = optuna.trial.FixedTrial(dict(trial.params), number=trial.number)
        return Proposal(trial.number, self.plan.specs(self.plan.space(fixed)))

    def _let_go(self, number: int) -> None:
        self._mine.pop(number, None)
        if self._locks.many:
            self._locks.release(trial_lock(self.plan.name, number))

    def close(self) -> None:
        """Leaves what this driver has begun to whoever goes on, marked as waiting."""
        for number, mine in sorted(self._mine.items()):
            self._storage.set_trial_state_values(mine.id, TrialState.WAITING)
            self._let_go(number)
        if not self._locks.many:
            self._locks.release(self.plan.name)

    @property
    def note(self) -> Note:
        """The dashboard's note on the study."""
        return Note(self._storage, self._study, None)

    def note_of(self, number: int) -> Note:
        """The dashboard's note on a trial that this driver works at."""
        return Note(self._storage, self._study, self._mine[number].id)

    def id_of(self, number: int) -> int:
        """Optuna's id of a trial that this driver works at."""
        return self._mine[number].id

    def params_of(self, number: int) -> Mapping[str, Any]:
        """The parameters of a trial that this driver works at."""
        return self._mine[number].params

    def peers(self, number: int, step: int) -> list[float]:
        """Values at this step of the trials that had ended when this one was proposed."""
        return self._history.past.peers(step, self.plan.proposals.seen(number))

    def spend(self, number: int, seconds: float) -> None:
        """Adds to what the trial has cost."""
        mine = self._mine[number]
        mine.seconds = round(mine.seconds + seconds, 3)
        self._storage.set_trial_user_attr(mine.id, "seconds", mine.seconds)

    def interrupted(self, number: int) -> None:
        """Counts that a worker was lost and the trial goes on elsewhere."""
        mine = self._mine[number]
        mine.interrupted += 1
        self._storage.set_trial_user_attr(mine.id, "interrupted", mine.interrupted)

    def report(self, number: int, step: int, value: float) -> None:
        """The trial's value at a step; repeating it is harmless."""
        mine = self._mine[number]
        if step not in mine.steps:
            mine.steps[step] = value
            self._storage.set_trial_intermediate_value(mine.id, step, value)

    def finish(
        self, number: int, state: TrialState, value: float | None, notes: Mapping[str, Any]
    ) -> None:
        """The trial's end as it really was, with notes on it; repeating it is harmless.

        A pruned trial's value is its last step's, as Optuna has it.
        """
        mine = self._mine.get(number)
        if mine is None:
            return
        for name, note in notes.items():
            self._storage.set_trial_user_attr(mine.id, name, note)
        if state == TrialState.PRUNED:
            value = mine.steps[max(mine.steps)] if mine.steps else None
            value = None if value is not None and math.isnan(value) else value
        values = None if value is None else [float(value)]
        self._storage.set_trial_state_values(mine.id, state, values)
        self._let_go(number)


@dataclass
class _Mine:
    """A trial that this driver works at, as it has left it in the storage: nobody else writes."""

    id: int
    params: Mapping[str, Any]
    steps: dict[int, float]
    seconds: float
    interrupted: int

    @classmethod
    def of(cls, trial: FrozenTrial) -> _Mine:
        notes = trial.user_attrs
        return cls(
            trial._trial_id,
            trial.params,
            dict(trial.intermediate_values),
            notes.get("seconds", 0.0),
            notes.get("interrupted", 0),
        )
