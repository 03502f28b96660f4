"""Ray's Tuner schedules, our studies decide: two thin adapters around one brain.

A Tune trial is an Optuna trial: one configuration, scored on several fits one after another. Its
Tune actor is a light proxy beside the driver; the fits run in the session's warm workers, which
hold the CPUs and GPUs from stage to stage. Tune's own snapshots are not used: what was done is in
the store and in the studies, and a rerun goes on from there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "3600")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")

import ray
from optuna.trial import TrialState
from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from fkd_core.fitting.fits import Fits, Outcome
from fkd_core.fitting.result import Failed, FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.running.session import OnOutcome, Session
from fkd_core.search.studies import Study


def run_studies(
    session: Session,
    studies: Sequence[Study],
    fits: Fits,
    on_outcome: OnOutcome | None = None,
) -> None:
    """Scores trials until every study has its fixed total; one Tuner for all of them."""
    brain = _Brain(studies, fits, list(range(len(session.workers))), on_outcome)
    first = brain.suggest("first")  # where the store answers everything, Tune need not start
    if first is None:
        return
    brain.give_back("first", first)
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(len(session.workers))
    with tempfile.TemporaryDirectory(prefix="fkd-tune-") as folder:
        tune.Tuner(
            tune.with_resources(
                tune.with_parameters(_Proxy, workers=list(session.workers)),
                # Every cluster's head has this mark; the CPUs and GPUs are the workers'.
                tune.PlacementGroupFactory([{"CPU": 0, "node:__internal_head__": 0.001}]),
            ),
            tune_config=tune.TuneConfig(
                search_alg=_Asker(brain),
                scheduler=_Teller(brain),
                metric="fits",
                mode="max",
                num_samples=-1,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="stage",
                storage_path=folder,
                verbose=0,
                callbacks=[_Forget()],
                failure_config=tune.FailureConfig(fail_fast=False),
            ),
        ).fit()
    if brain.error is not None:
        raise brain.error


@dataclass
class _Active:
    """A trial that is being scored."""

    study: Study
    number: int
    specs: Sequence[FitSpec]
    worker: int | None = None
    results: list[FitResult] = field(default_factory=list)
    settled: bool = False


class _Brain:
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


class _Pinned:
    """Copies of an adapter are the adapter, and Tune's snapshots leave its brain out."""

    _brain: _Brain

    def __deepcopy__(self, memo: dict[int, Any]) -> _Pinned:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Asker(_Pinned, Searcher):  # type: ignore[misc]
    """Tune's searcher: asks the studies in turn."""

    def __init__(self, brain: _Brain) -> None:
        super().__init__(metric="fits", mode="max")
        self._brain = brain

    def suggest(self, trial_id: str) -> Any:
        try:
            suggestion = self._brain.suggest(trial_id)
        except Exception as error:
            self._brain.error = error
            return Searcher.FINISHED
        if suggestion is None and self._brain.finished:
            return Searcher.FINISHED
        return suggestion

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        self._brain.on_end(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: see the module's docstring."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: see the module's docstring."""


class _Teller(_Pinned, FIFOScheduler):  # type: ignore[misc]
    """Tune's scheduler: tells the study each result and passes on whether the trial has ended."""

    def __init__(self, brain: _Brain) -> None:
        super().__init__()
        self._brain = brain

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        if self._brain.error is not None:
            return str(TrialScheduler.STOP)
        try:
            ended = self._brain.on_result(trial.trial_id, *result["outcome"])
        except Exception as error:
            self._brain.error = error  # Tune would log it and go on
            ended = True
        return str(TrialScheduler.STOP if ended else TrialScheduler.CONTINUE)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        reason = str(trial.get_error() or "its worker was lost").strip().splitlines()[-1]
        self._brain.on_end(trial.trial_id, reason)


class _Forget(tune.Callback):  # type: ignore[misc]
    """Drops the arrays from the result once the driver has kept them."""

    def on_trial_result(
        self, iteration: Any, trials: Any, trial: Any, result: Any, **_: Any
    ) -> None:
        result.pop("outcome", None)


class _Proxy(tune.Trainable):  # type: ignore[misc]
    """A Tune trial: has the fits of one configuration done, one a step."""

    def setup(self, config: dict[str, Any], workers: Sequence[Any]) -> None:
        self._workers = workers
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._worker = self._workers[new_config["worker"]]
        self._specs, self._done = new_config["specs"], 0
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        return {"done": self._done}  # Tune asks for one at a trial's end; the store has it all

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing to load: a repeated fit gives the same result."""

    def step(self) -> dict[str, Any]:
        outcome = ray.get(self._worker.fit.remote(self._specs[self._done]))
        self._done += 1
        return {"fits": self._done, "outcome": outcome}  # the brain alone says when it is done
