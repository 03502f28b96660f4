"""Ray's Tuner schedules, our studies decide: two thin adapters around one scheduler.

A Tune trial is an Optuna trial: one configuration, scored on several fits one after another. Its
Tune actor is a light proxy beside the driver; the fits run in the session's warm workers, which
hold the CPUs and GPUs from stage to stage. Tune's own snapshots are not used: what was done is in
the store and in the studies, and a rerun goes on from there.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "3600")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")

from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from fkd_core.fitting.checkpoints import Checkpoints
from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.running.pool import Lost
from fkd_core.running.session import Session
from fkd_core.stopping import in_one_piece
from fkd_core.studies.proxy import Proxy
from fkd_core.studies.scheduler import Scheduler
from fkd_core.studies.study import Study
from fkd_core.studies.trial import OnTrial, TrialEnd

# Tune shows a traceback for every proxy that is lost; the scheduler sees to those.
logging.getLogger("ray.tune").setLevel(logging.CRITICAL)

MOST_AT_ONCE = 256
"""Trials that Tune may have under way; how many there are is up to the workers."""


def run_studies(
    session: Session,
    studies: Sequence[Study],
    fits: Fits,
    on_outcome: OnOutcome | None = None,
    on_trial: OnTrial | None = None,
) -> None:
    """Scores trials until every study has its fixed total, together with other drivers that work
    at the same studies; one Tuner for all of them."""
    checkpoints = session.place.checkpoints and Checkpoints(session.place.checkpoints)

    def on_end(end: TrialEnd) -> None:
        if checkpoints and len(end.results) < len(end.specs):  # its last fit is given up
            checkpoints.discard(fits.key(end.specs[len(end.results)]))
        if on_trial:
            on_trial(end)
        session.watch.trial(end)

    session.watch.searches(studies)
    scheduler = Scheduler(studies, fits, session.pool, on_outcome, on_end)
    try:
        with in_one_piece():
            answered = scheduler.answered()
        if not answered:  # where the store answers everything, Tune need not start
            _tune(session, scheduler)
    finally:
        with in_one_piece():
            for study in studies:
                study.close()


def _tune(session: Session, scheduler: Scheduler) -> None:
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(MOST_AT_ONCE)
    with tempfile.TemporaryDirectory(prefix="fkd-tune-") as folder:
        tune.Tuner(
            tune.with_resources(
                tune.with_parameters(Proxy, seconds=session.fit_seconds, held=session.held),
                # Every cluster's head has this mark; the CPUs and GPUs are the workers'.
                tune.PlacementGroupFactory([{"CPU": 0, "node:__internal_head__": 0.001}]),
            ),
            tune_config=tune.TuneConfig(
                search_alg=_Asker(scheduler),
                scheduler=_Teller(scheduler),
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
    if scheduler.error is not None:
        raise scheduler.error


class _Pinned:
    """Copies of an adapter are the adapter, and Tune's snapshots leave its scheduler out."""

    _scheduler: Scheduler

    def __deepcopy__(self, memo: dict[int, Any]) -> _Pinned:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Asker(_Pinned, Searcher):  # type: ignore[misc]
    """Tune's searcher: asks the studies in turn."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__(metric="fits", mode="max")
        self._scheduler = scheduler

    def suggest(self, trial_id: str) -> Any:
        try:
            with in_one_piece():
                suggestion = self._scheduler.suggest(trial_id)
        except Exception as error:
            self._scheduler.error = error
            return Searcher.FINISHED
        if suggestion is None and self._scheduler.finished:
            return Searcher.FINISHED
        return suggestion

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        with in_one_piece():
            self._scheduler.on_end(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: see the module's docstring."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: see the module's docstring."""


class _Teller(_Pinned, FIFOScheduler):  # type: ignore[misc]
    """Tune's scheduler: tells the study each result and passes on whether the trial has ended."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        if self._scheduler.error is not None:
            return str(TrialScheduler.STOP)
        try:
            with in_one_piece():
                ended = self._scheduler.on_result(trial.trial_id, result["answer"].told)
        except Exception as error:
            self._scheduler.error = error  # Tune would log it and go on
            ended = True
        return str(TrialScheduler.STOP if ended else TrialScheduler.CONTINUE)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        reason = str(trial.get_error() or "its proxy was lost").strip().splitlines()[-1]
        with in_one_piece():
            self._scheduler.on_lost(trial.trial_id, Lost(reason))


class _Forget(tune.Callback):  # type: ignore[misc]
    """Drops the arrays from the result once the driver has kept them."""

    def on_trial_result(
        self, iteration: Any, trials: Any, trial: Any, result: Any, **_: Any
    ) -> None:
        result.pop("answer", None)
