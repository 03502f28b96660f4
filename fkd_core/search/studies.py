"""Studies: what Optuna keeps of a search. The only module that opens Optuna's storage."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from fkd_core.errors import UserError
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.search.proposals import Proposals

optuna.logging.set_verbosity(optuna.logging.WARNING)
logging.getLogger("optuna").setLevel(logging.WARNING)

Values = Mapping[str, Any]


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
    hopeless: Callable[[Look], bool]
    """Whether the trial need not go on; may look at nothing else."""
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


@dataclass(frozen=True)
class Look:
    """A trial on its way, as far as rules may see it."""

    results: Sequence[FitResult]
    """Its whole fits."""
    value: float
    """Its value now."""
    peers: Sequence[float]
    """Values at the same step of those earlier trials that had ended when it was proposed."""


@dataclass(frozen=True)
class Proposal:
    """A trial to be scored: new, or left running by a driver that died."""

    number: int
    specs: Sequence[FitSpec]


class Study:
    """A plan and what Optuna's storage holds of it."""

    def __init__(self, plan: StudyPlan, storage: optuna.storages.BaseStorage) -> None:
        self.plan, self._storage = plan, storage
        self._study = optuna.create_study(
            study_name=plan.name,
            storage=storage,
            sampler=optuna.samplers.RandomSampler(seed=0),  # unused: see Proposals
            direction="minimize",
            load_if_exists=True,
        )
        known = self._study.user_attrs
        for name, value in {**plan.notes, "proposals": plan.proposals.to_json()}.items():
            if known.get(name) != value:
                self._study.set_user_attr(name, value)
        self._claimed: set[int] = set()

    @property
    def shown(self) -> optuna.Study:
        """For Optuna's own plots; nothing is asked or told through it."""
        return self._study

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials in order of their numbers."""
        return self._study.get_trials(deepcopy=False)

    @property
    def finished(self) -> bool:
        """Whether the fixed total, or the limit, is reached and every trial has ended."""
        trials = self.trials
        enough = len(trials) >= self.plan.trials or self.exhausted
        return enough and all(trial.state.is_finished() for trial in trials)

    @property
    def spent(self) -> float:
        """Seconds that workers have really given to all trials; what the store had costs none."""
        return sum((float(t.user_attrs.get("seconds", 0)) for t in self.trials), 0.0)

    @property
    def exhausted(self) -> bool:
        """Whether the limit is reached."""
        return self.plan.seconds is not None and self.spent >= self.plan.seconds

    def next(self) -> Proposal | None:
        """The next trial to score, or None for now: wait for others, or there is none left."""
        trials = self.trials
        for trial in trials:  # left over by a driver that died
            if not trial.state.is_finished() and trial.number not in self._claimed:
                return self._claim(trial.number, trial.params)
        n = len(trials)
        settled = all(t.state.is_finished() for t in trials[: self.plan.proposals.seen(n)])
        if n >= self.plan.trials or not settled or self.exhausted:
            return None
        frozen = self.plan.proposals.propose(self.plan.name, trials, self.plan.space)
        self._study.add_trial(frozen)
        return self._claim(n, frozen.params)

    def _claim(self, number: int, params: Mapping[str, Any]) -> Proposal:
        self._claimed.add(number)
        values = self.plan.space(optuna.trial.FixedTrial(dict(params), number=number))
        return Proposal(number, self.plan.specs(values))

    def peers(self, number: int, step: int) -> list[float]:
        """Values at this step of the trials that had ended when this one was proposed."""
        ended = self.trials[: self.plan.proposals.seen(number)]
        return [t.intermediate_values[step] for t in ended if step in t.intermediate_values]

    def spend(self, number: int, seconds: float) -> None:
        """Adds to what the trial has cost."""
        trial = self.trials[number]
        total = round(trial.user_attrs.get("seconds", 0.0) + seconds, 3)
        self._storage.set_trial_user_attr(trial._trial_id, "seconds", total)

    def report(self, number: int, step: int, value: float) -> None:
        """The trial's value at a step; repeating it is harmless."""
        trial = self.trials[number]
        if step not in trial.intermediate_values:
            self._storage.set_trial_intermediate_value(trial._trial_id, step, value)

    def finish(
        self, number: int, state: TrialState, value: float | None, notes: Mapping[str, Any]
    ) -> None:
        """The trial's end as it really was, with notes on it; repeating it is harmless."""
        trial = self.trials[number]
        if trial.state.is_finished():
            return
        for name, note in notes.items():
            self._storage.set_trial_user_attr(trial._trial_id, name, note)
        self._study.tell(number, value if state == TrialState.COMPLETE else None, state)


def open_storage(url: str) -> optuna.storages.BaseStorage:
    """Optuna's storage at an SQLAlchemy URL. Raises UserError where it cannot be opened."""
    try:
        return optuna.storages.get_storage(url)
    except Exception as error:  # SQLAlchemy's and the drivers' own: too many to name
        reason = str(error).splitlines()[0]
        raise UserError(
            f"--storage: Optuna cannot open {_without_password(url)} ({reason}); give a URL like "
            "sqlite:///results/studies.db or postgresql+psycopg://user@host/database"
        ) from error


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "this URL"
