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
from typing import Any

os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "3600")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")

import ray
from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.result import Progress
from fkd_core.running.session import Session
from fkd_core.search.brain import Brain
from fkd_core.search.studies import Study


def run_studies(
    session: Session,
    studies: Sequence[Study],
    fits: Fits,
    on_outcome: OnOutcome | None = None,
) -> None:
    """Scores trials until every study has its fixed total; one Tuner for all of them."""
    brain = Brain(studies, fits, list(range(len(session.workers))), on_outcome)
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


class _Pinned:
    """Copies of an adapter are the adapter, and Tune's snapshots leave its brain out."""

    _brain: Brain

    def __deepcopy__(self, memo: dict[int, Any]) -> _Pinned:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Asker(_Pinned, Searcher):  # type: ignore[misc]
    """Tune's searcher: asks the studies in turn."""

    def __init__(self, brain: Brain) -> None:
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

    def __init__(self, brain: Brain) -> None:
        super().__init__()
        self._brain = brain

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        if self._brain.error is not None:
            return str(TrialScheduler.STOP)
        try:
            ended = self._brain.on_result(trial.trial_id, result["told"])
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
        result.pop("told", None)


class _Proxy(tune.Trainable):  # type: ignore[misc]
    """A Tune trial: has the fits of one configuration done, a step to every look at one."""

    def setup(self, config: dict[str, Any], workers: Sequence[Any]) -> None:
        self._workers = workers
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._worker = self._workers[new_config["worker"]]
        self._specs, self._done = new_config["specs"], 0
        self._pauses = new_config["looks"], new_config["seconds"]
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        return {"done": self._done}  # Tune asks for one at a trial's end; the store has it all

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing to load: a repeated fit gives the same result."""

    def step(self) -> dict[str, Any]:
        looks, seconds = self._pauses
        told = ray.get(self._worker.fit.remote(self._specs[self._done], looks, seconds))
        self._done += not isinstance(told, Progress)
        return {"fits": self._done, "told": told}  # the brain alone says when it is done
