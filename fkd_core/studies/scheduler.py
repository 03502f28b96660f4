"""Scheduler: which fits every trial waits for, who does them, and how each trial ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from optuna.trial import TrialState

from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.result import Progress
from fkd_core.fitting.spec import FitSpec
from fkd_core.running.pool import Lost, Worker
from fkd_core.running.session import RETRIES
from fkd_core.running.sharing import doubled
from fkd_core.running.worker import Told
from fkd_core.studies.study import Study
from fkd_core.studies.trial import OnTrial, RunningTrial

SLICES = 200
"""Into how many parts a limit on seconds is cut: by about so little it may be overrun."""


class Workers(Protocol):
    """Who does the fits: see ``Pool``."""

    share: float
    """Of a GPU, that each has."""

    def resize(self, share: float) -> None:
        """Gives each this share; none may be taken."""

    def take(self) -> Worker | None:
        """One that is free."""

    def give(self, worker: Worker) -> None:
        """It is free again."""

    def drop(self, worker: Worker) -> None:
        """It is gone or must go."""


class Scheduler:
    """Knows what every trial waits for; the adapters only ask it."""

    def __init__(
        self,
        studies: Sequence[Study],
        fits: Fits,
        workers: Workers,
        on_outcome: OnOutcome | None = None,
        on_trial: OnTrial | None = None,
    ) -> None:
        self._studies, self._fits, self._workers = list(studies), fits, workers
        self._on_outcome, self._on_trial = on_outcome, on_trial
        self._active: dict[str, RunningTrial] = {}
        self._held: list[RunningTrial] = []
        self._cramped: list[RunningTrial] = []
        self._share = workers.share
        self.error: BaseException | None = None

    @property
    def finished(self) -> bool:
        return self.error is not None or (
            not (self._active or self._held or self._cramped)
            and all(s.finished for s in self._studies)
        )

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """The next trial that needs fits, bound to a free worker; None for now."""
        if self.error:
            return None
        if not self._active and not self._held:  # whoever needed more has it behind him
            self._workers.resize(self._share)
        worker = self._workers.take()
        if worker is None:
            return None
        active = self._held_in_need() or self._next_in_need()
        if active is None:
            self._workers.give(worker)
            self._widen()
            return None
        active.worker = worker
        self._active[trial_id] = active
        missing = [spec for spec in active.specs if spec not in self._fits]
        plan = active.study.plan
        return {
            "worker": worker.name,
            "specs": [spec.to_json() for spec in missing],
            "looks": [] if active.results else list(plan.looks),  # only the first fit has any
            "seconds": plan.seconds and max(1.0, plan.seconds / SLICES),
        }

    def _widen(self) -> None:
        """Once nothing else runs: larger shares of a GPU for what ran out of memory."""
        wider = doubled(self._share)
        if self._cramped and not self._active and wider is not None:
            self._workers.resize(wider)
            self._held, self._cramped = self._cramped, []

    def answered(self) -> bool:
        """Whether the store and the studies already answer everything."""
        if not self._held and (active := self._next_in_need()):
            self._held.append(active)
        return self.finished

    def _held_in_need(self) -> RunningTrial | None:
        """The latest that is held; one whose fits were all stored meanwhile ends here."""
        while self._held:
            active = self._held.pop()
            active.advance()
            if not active.settled:
                return active
        return None

    def _next_in_need(self) -> RunningTrial | None:
        again = True
        while again:  # a trial answered from the store may free the next of its study
            again = False
            for study in self._studies:
                proposal = study.next()
                if proposal is None:
                    continue
                active = RunningTrial(
                    study, proposal.number, proposal.specs, self._fits, self._on_trial
                )
                active.advance()
                if not active.settled:
                    return active
                again = True
        return None

    def on_result(self, trial_id: str, told: Told | Lost) -> bool:
        """Keeps what a worker made; True where the trial has ended, or goes on elsewhere."""
        if isinstance(told, Lost):
            self.on_lost(trial_id, told)
            return True
        active = self._active[trial_id]
        before = active.paused.seconds if active.paused else 0.0
        if isinstance(told, Progress):
            active.paused = told
            active.study.spend(active.number, told.seconds - before)
        else:
            record, arrays, _ = told  # a search keeps no weights
            active.study.spend(active.number, record["summary"].get("seconds", before) - before)
            active.paused = None
            if record["summary"].get("out_of_memory"):
                return self._on_out_of_memory(trial_id, record["summary"]["failure"])
            spec = FitSpec.from_json(record["spec"])
            outcome = self._fits.put(spec, record, arrays)
            active.deaths = 0  # they are counted against one fit
            if self._on_outcome:
                self._on_outcome(spec, outcome)
        active.advance()
        return active.settled

    def _on_out_of_memory(self, trial_id: str, reason: str) -> bool:
        """The fit gets more memory, once; it is not kept, for the spec is not at fault."""
        active = self._active.pop(trial_id)
        self._release(active, self._workers.drop)
        if active.widened or doubled(self._share) is None:
            active.settle(TrialState.FAIL, {"failure": reason})
        else:
            active.widened = True
            active.study.interrupted(active.number)
            self._cramped.append(active)
        return True

    def on_lost(self, trial_id: str, lost: Lost) -> None:
        """The trial's worker is gone, or must go: another goes on with it, unless its fit is
        what kills workers."""
        active = self._active.pop(trial_id, None)
        if active is None:
            return
        self._release(active, self._workers.drop)
        if active.settled or self.error is not None:
            return
        active.deaths += lost.counts
        active.paused = None  # what it had spent is counted; it begins anew, or where it was kept
        if lost.repeat and active.deaths <= RETRIES:
            active.study.interrupted(active.number)
            self._held.append(active)
        else:
            active.settle(TrialState.FAIL, {"failure": lost.reason})

    def on_end(self, trial_id: str) -> None:
        """The trial has ended: its worker is free."""
        active = self._active.pop(trial_id, None)
        if active is None:
            return
        self._release(active, self._workers.give)
        if not active.settled and self.error is None:
            active.settle(TrialState.FAIL, {"failure": "the trial ended early"})

    def _release(self, active: RunningTrial, how: Callable[[Worker], None]) -> None:
        if active.worker is not None:
            how(active.worker)
        active.worker = None
