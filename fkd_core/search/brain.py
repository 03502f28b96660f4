"""The brain behind the Tuner: knows which fits every trial waits for, and how each trial ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import TrialState

from fkd_core.fitting.fits import Fits, OnOutcome, Outcome
from fkd_core.fitting.result import Failed, FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.search.studies import Study


@dataclass
class _Active:
    """A trial that is being scored."""

    study: Study
    number: int
    specs: Sequence[FitSpec]
    worker: int | None = None
    results: list[FitResult] = field(default_factory=list)
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
        return {"worker": active.worker, "specs": [spec.to_json() for spec in missing]}

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

    def on_result(self, trial_id: str, record: dict[str, Any], arrays: dict[str, Any]) -> bool:
        """Keeps what a worker made; True where the trial has ended."""
        active = self._active[trial_id]
        spec = FitSpec.from_json(record["spec"])
        outcome = self._fits.put(spec, record, arrays)
        if self._on_outcome:
            self._on_outcome(spec, outcome)
        self._advance(active)
        return active.settled

    def _advance(self, active: _Active) -> None:
        """Goes through the fits that are known, as far as they reach."""
        for spec in active.specs[len(active.results) :]:
            outcome: Outcome | None = self._fits.get(spec)
            if outcome is None:
                return None
            if isinstance(outcome, Failed):
                return self._settle(active, TrialState.FAIL, {"failure": outcome.reason})
            active.results.append(outcome)
            value = active.study.plan.score(active.results)
            active.study.report(active.number, len(active.results), value)
            last = len(active.results) == len(active.specs)
            if not last and active.study.plan.hopeless(active.results):
                return self._settle(active, TrialState.PRUNED, {})
        self._settle(active, TrialState.COMPLETE, {})
        return None

    def _settle(self, active: _Active, state: TrialState, notes: dict[str, Any]) -> None:
        done = active.results
        value = active.study.plan.score(done) if state == TrialState.COMPLETE else None
        facts = {
            "fits": [self._fits.key(spec)[:16] for spec in active.specs[: len(done)]],
            "seconds": round(sum(sum(r.seconds.values()) for r in done), 2),
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
