"""Studies: a plan, and what Optuna's storage holds of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from fkd_core.errors import UserError
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.search.ledger import Ledger
from fkd_core.search.proposals import Proposals
from fkd_core.search.storage import Storage, trial_claim

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
    """A plan and what the storage holds of it, as one driver sees it.

    Raises UserError where another driver works at it and the storage allows only one.
    """

    def __init__(self, plan: StudyPlan, storage: Storage) -> None:
        self.plan, self._storage, self._claims = plan, storage.optuna, storage.claims
        if not self._claims.many and not self._claims.take(plan.name):
            raise UserError(
                f"study {plan.name} is being searched by another process, and SQLite serves one "
                "at a time; wait for it or stop it, or give both "
                "--storage postgresql+psycopg://user@host/database"
            )
        with self._claims.turn(plan.name):
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
        self._mine: set[int] = set()

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
        return Ledger.of(self.trials).spent

    @property
    def exhausted(self) -> bool:
        """Whether the limit is reached."""
        return self.plan.seconds is not None and self.spent >= self.plan.seconds

    def next(self) -> Proposal | None:
        """The next trial to score, or None for now: wait for others, or there is none left."""
        with self._claims.turn(self.plan.name):
            trials = self.trials
            for trial in trials:  # left over by a driver that is gone
                if not trial.state.is_finished() and self._take(trial.number):
                    if self.trials[trial.number].state.is_finished():  # by its driver, just now
                        self._let_go(trial.number)
                        continue
                    return self._begin(trial)
            n = len(trials)
            settled = all(t.state.is_finished() for t in trials[: self.plan.proposals.seen(n)])
            if n >= self.plan.trials or not settled or self.exhausted:
                return None
            proposed = self.plan.proposals.propose(self.plan.name, trials, self.plan.space)
            self._study.add_trial(proposed)
            self._take(n)
            return self._begin(self.trials[n])

    def _take(self, number: int) -> bool:
        """Claims a trial that this object does not work at yet."""
        if number in self._mine:
            return False
        free = not self._claims.many or self._claims.take(trial_claim(self.plan.name, number))
        if free:
            self._mine.add(number)
        return free

    def _begin(self, trial: FrozenTrial) -> Proposal:
        if trial.state == TrialState.WAITING:
            self._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
        fixed = optuna.trial.FixedTrial(dict(trial.params), number=trial.number)
        return Proposal(trial.number, self.plan.specs(self.plan.space(fixed)))

    def _let_go(self, number: int) -> None:
        self._mine.discard(number)
        if self._claims.many:
            self._claims.release(trial_claim(self.plan.name, number))

    def close(self) -> None:
        """Leaves what this driver has begun to whoever goes on, marked as waiting."""
        for number in sorted(self._mine):
            trial = self.trials[number]
            if not trial.state.is_finished():
                self._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
            self._let_go(number)
        if not self._claims.many:
            self._claims.release(self.plan.name)

    def peers(self, number: int, step: int) -> list[float]:
        """Values at this step of the trials that had ended when this one was proposed."""
        ended = self.trials[: self.plan.proposals.seen(number)]
        return [t.intermediate_values[step] for t in ended if step in t.intermediate_values]

    def spend(self, number: int, seconds: float) -> None:
        """Adds to what the trial has cost."""
        trial = self.trials[number]
        total = round(trial.user_attrs.get("seconds", 0.0) + seconds, 3)
        self._storage.set_trial_user_attr(trial._trial_id, "seconds", total)

    def interrupted(self, number: int) -> None:
        """Counts that a worker was lost and the trial goes on elsewhere."""
        trial = self.trials[number]
        count = trial.user_attrs.get("interrupted", 0) + 1
        self._storage.set_trial_user_attr(trial._trial_id, "interrupted", count)

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
        self._let_go(number)
