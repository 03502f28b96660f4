"""The brain behind the Tuner: knows which fits every trial waits for, and how each trial ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna.trial import TrialState

from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.result import Failed, FitResult, Progress
from fkd_core.fitting.spec import FitSpec
from fkd_core.running.worker import Told
from fkd_core.search.studies import Look, Study

SLICES = 200
"""Into how many parts a limit on seconds is cut: by about so little it may be overrun."""
SPENT = "the budget was spent before it ended"


@dataclass
class _Active:
    """A trial that is being scored."""

    study: Study
    number: int
    specs: Sequence[FitSpec]
    worker: int | None = None
    results: list[FitResult] = field(default_factory=list)
    paused: Progress | None = None
    """How far the next fit is, where it has begun."""
    settled: bool = False


class Brain:
    """Knows what every trial waits for; the adapters only ask it."""

    def __init__(
        self,
        studies: Sequence[Study],
        fits: Fits,
        idle: list[int],
        on_outcome: OnOutcome | None,
    ) -> None:
        self._studies, self._fits, self._idle = list(studies), fits, idle
        self._on_outcome = on_outcome
        self._active: dict[str, _Active] = {}
        self._held: list[_Active] = []
        self.error: BaseException | None = None

    @property
    def finished(self) -> bool:
        return self.error is not None or (
            not self._active and not self._held and all(s.finished for s in self._studies)
        )

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """The next trial that needs fits, bound to an idle worker; None for now."""
        if not self._idle or self.error is not None:
            return None
        active = self._held.pop() if self._held else self._next_in_need()
        if active is None:
            return None
        active.worker = self._idle.pop()
        self._active[trial_id] = active
        missing = [spec for spec in active.specs if spec not in self._fits]
        plan = active.study.plan
        return {
            "worker": active.worker,
            "specs": [spec.to_json() for spec in missing],
            "looks": list(plan.looks),
            "seconds": plan.seconds and max(1.0, plan.seconds / SLICES),
        }

    def give_back(self, trial_id: str, _: dict[str, Any]) -> None:
        """Undoes a suggestion nobody has started."""
        active = self._active.pop(trial_id)
        assert active.worker is not None
        self._idle.append(active.worker)
        self._held.append(active)

    def _next_in_need(self) -> _Active | None:
        again = True
        while again:  # a trial answered from the store may free the next of its study
            again = False
            for study in self._studies:
                proposal = study.next()
                if proposal is None:
                    continue
                active = _Active(study, proposal.number, proposal.specs)
                self._advance(active)
                if not active.settled:
                    return active
                again = True
        return None

    def on_result(self, trial_id: str, told: Told) -> bool:
        """Keeps what a worker made; True where the trial has ended."""
        active = self._active[trial_id]
        before = active.paused.seconds if active.paused else 0.0
        if isinstance(told, Progress):
            active.paused = told
            active.study.spend(active.number, told.seconds - before)
        else:
            record, arrays, _ = told  # a search keeps no weights
            active.study.spend(active.number, record["summary"].get("seconds", before) - before)
            active.paused = None
            spec = FitSpec.from_json(record["spec"])
            outcome = self._fits.put(spec, record, arrays)
            if self._on_outcome:
                self._on_outcome(spec, outcome)
        self._advance(active)
        return active.settled

    def _advance(self, active: _Active) -> None:
        """Goes through what is known of the trial's fits, as far as it reaches."""
        plan = active.study.plan
        for spec in active.specs[len(active.results) :]:
            outcome = self._fits.get(spec)
            if isinstance(outcome, Failed):
                return self._settle(active, TrialState.FAIL, {"failure": outcome.reason})
            if not active.results:
                history = _history(outcome, active.paused)
                for epoch in plan.looks:
                    if outcome is None and epoch > len(history):
                        break
                    if self._hopeless(active, epoch, _at(history, epoch)):
                        return self._settle(active, TrialState.PRUNED, {})
            if outcome is None:
                if active.study.exhausted:
                    self._settle(active, TrialState.FAIL, {"failure": SPENT})
                return None
            active.results.append(outcome)
            done = len(active.results)
            hopeless = self._hopeless(active, done * plan.steps_a_fit, plan.score(active.results))
            if hopeless and done < len(active.specs):
                return self._settle(active, TrialState.PRUNED, {})
        self._settle(active, TrialState.COMPLETE, {})
        return None

    def _hopeless(self, active: _Active, step: int, value: float) -> bool:
        """Reports the trial's value at this step and asks whether it need not go on."""
        study = active.study
        study.report(active.number, step, value)
        peers = study.peers(active.number, step)
        return study.plan.hopeless(Look(active.results, value, peers))

    def _settle(self, active: _Active, state: TrialState, notes: dict[str, Any]) -> None:
        done = active.results
        value = active.study.plan.score(done) if state == TrialState.COMPLETE else None
        facts = {
            "fits": [self._fits.key(spec)[:16] for spec in active.specs[: len(done)]],
            "rmse": [round(r.rmse, 4) for r in done],
        }
        active.study.finish(active.number, state, value, facts | notes)
        active.settled = True

    def on_end(self, trial_id: str, reason: str | None = None) -> None:
        """Frees the trial's worker; a trial that ended without an outcome has failed."""
        active = self._active.pop(trial_id, None)
        if active is None:
            return
        assert active.worker is not None
        self._idle.append(active.worker)
        if not active.settled and self.error is None:
            self._settle(active, TrialState.FAIL, {"failure": reason or "the trial ended early"})


def _history(outcome: FitResult | None, paused: Progress | None) -> Sequence[float]:
    """Held-out RMSE in px, epoch by epoch, as far as it is known."""
    if outcome is not None:
        return list(outcome.history["held_out_rmse"])
    return paused.held_out_rmse if paused else ()


def _at(history: Sequence[float], epoch: int) -> float:
    """Held-out RMSE in px at the last look of the fit not after this epoch."""
    looks = np.asarray(history[:epoch])
    looks = looks[np.isfinite(looks)]
    return float(looks[-1]) if len(looks) else float("inf")
