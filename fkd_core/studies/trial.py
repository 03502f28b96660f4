"""A trial under way: what is known of its fits, and how it ends by that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna.trial import TrialState

from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import Failed, FitResult, Progress
from fkd_core.fitting.spec import FitSpec
from fkd_core.running.pool import Worker
from fkd_core.studies.pruning import Look
from fkd_core.studies.study import Study

SPENT = "the budget was spent before it ended"


@dataclass(frozen=True)
class TrialEnd:
    """How a trial ends, as it is told just before the trial gets its end state."""

    study: Study
    number: int
    state: TrialState
    specs: Sequence[FitSpec]
    """All its fits."""
    results: Sequence[FitResult]
    """Its whole fits, the first of `specs`."""
    curve: Sequence[float]
    """Held-out RMSE, px, of the fit it was in, one an epoch as far as it came."""
    facts: Mapping[str, Any]
    """What is kept with it: the trial's user attributes."""


OnTrial = Callable[[TrialEnd], None]


@dataclass
class RunningTrial:
    """One trial that is being scored; it only looks at the store and at what is told of it."""

    study: Study
    number: int
    specs: Sequence[FitSpec]
    fits: Fits
    on_trial: OnTrial | None = None
    worker: Worker | None = None
    """Who does its fits now."""
    results: list[FitResult] = field(default_factory=list)
    """Its whole fits."""
    paused: Progress | None = None
    """How far the next fit is, where it has begun."""
    curve: Sequence[float] = ()
    """Held-out RMSE of the next fit so far, px, epoch by epoch."""
    deaths: int = 0
    """Workers that died of the fit it is at."""
    widened: bool = False
    """Whether it ran out of memory and got more."""
    settled: bool = False
    """Whether it has its end state."""

    def advance(self) -> None:
        """Goes through what is known of the trial's fits, as far as it reaches."""
        plan = self.study.plan
        for spec in self.specs[len(self.results) :]:
            outcome = self.fits.get(spec)
            if isinstance(outcome, Failed):
                return self.settle(TrialState.FAIL, {"failure": outcome.reason})
            self.curve = _history(outcome, self.paused)
            if not self.results:
                for epoch in plan.looks:
                    if outcome is None and epoch > len(self.curve):
                        break
                    if self._hopeless(epoch, _at(self.curve, epoch)):
                        return self.settle(TrialState.PRUNED, {})
            if outcome is None:
                if self.study.exhausted:
                    self.settle(TrialState.FAIL, {"failure": SPENT})
                return None
            self.results.append(outcome)
            self.curve = ()
            done = len(self.results)
            hopeless = self._hopeless(done * plan.steps_a_fit, plan.score(self.results))
            if hopeless and done < len(self.specs):
                return self.settle(TrialState.PRUNED, {})
        self.settle(TrialState.COMPLETE, {})
        return None

    def _hopeless(self, step: int, value: float) -> bool:
        """Reports the trial's value at this step and asks whether it need not go on."""
        study = self.study
        study.report(self.number, step, value)
        peers = study.peers(self.number, step)
        return study.plan.pruner(Look(self.results, value, peers))

    def settle(self, state: TrialState, notes: Mapping[str, Any]) -> None:
        """The trial's end, with what is to be kept with it."""
        done = self.results
        value = self.study.plan.score(done) if state == TrialState.COMPLETE else None
        facts = {
            "fits": [self.fits.key(spec)[:16] for spec in self.specs[: len(done)]],
            "rmse": [round(r.rmse, 4) for r in done],
            "fit_seconds": round(sum(sum(r.seconds.values()) for r in done), 3),
        }
        if self.on_trial:
            told = {**facts, **notes}
            self.on_trial(
                TrialEnd(self.study, self.number, state, self.specs, done, self.curve, told)
            )
        self.study.finish(self.number, state, value, {**facts, **notes})
        self.settled = True


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
