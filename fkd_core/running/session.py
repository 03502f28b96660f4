"""A Ray session: on this machine, or on the cluster that RAY_ADDRESS names."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.fitting.fits import Fits, OnOutcome, Outcome
from fkd_core.fitting.spec import FitSpec
from fkd_core.running.worker import FitWorker

# Ray reads these when it is imported: nothing phones home, nothing clutters the terminal.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

RETRIES = 3
"""How often a fit is repeated whose worker died."""

Result = TypeVar("Result")
Call = Callable[[Any], Any]
"""Starts something on a worker: ``lambda worker: worker.method.remote(...)``."""


@dataclass(frozen=True)
class Session:
    """Warm workers that hold the faces. Made by ``session``."""

    workers: Sequence[Any]
    """Ray actors of FitWorker, one a slot, each holding its CPUs and share of a GPU."""
    gpus_per_trial: float
    """Share of a GPU each worker holds; 0 on CPUs."""
    faces: Any
    """The faces in Ray's object store; held here so that a restarted worker finds them."""

    def run_fits(
        self,
        specs: Sequence[FitSpec],
        fits: Fits,
        on_outcome: OnOutcome | None = None,
        *,
        keep_weights: bool = False,
    ) -> list[Outcome]:
        """The outcomes of these specs in order; only what the store lacks is run.

        With `keep_weights`, a fit whose weights the store lacks is run again.
        """
        lacking = [spec for spec in specs if not fits.holds(spec, keep_weights)]
        todo = list({fits.key(spec): spec for spec in lacking}.values())

        def start(spec: FitSpec) -> Call:
            return lambda worker: worker.fit.remote(spec.to_json(), keep_weights=keep_weights)

        for number, (record, arrays, weights) in self.spread([start(spec) for spec in todo]):
            outcome = fits.put(todo[number], record, arrays, weights)
            if on_outcome:
                on_outcome(todo[number], outcome)
        found = [fits.get(spec) for spec in specs]
        missing = [spec for spec, outcome in zip(specs, found, strict=True) if outcome is None]
        if missing:
            raise UserError(
                f"{len(missing)} results vanished from {fits.store.root} while they were needed; "
                "run the same command again"
            )
        return [outcome for outcome in found if outcome is not None]

    def map(self, tasks: Sequence[Callable[[], Result]]) -> list[Result]:
        """What these functions return, in order, each called in a worker."""

        def start(task: Callable[[], Result]) -> Call:
            return lambda worker: worker.call.remote(task)

        found = dict(self.spread([start(task) for task in tasks]))
        return [found[number] for number in range(len(tasks))]

    def spread(self, calls: Sequence[Call]) -> Iterator[tuple[int, Any]]:
        """Makes every call on a worker that is free; gives number and result of each as it ends.

        What a call gives is held no longer than the caller holds it.
        """
        import ray

        waiting = list(range(len(calls)))[::-1]
        idle, running = list(self.workers), dict[Any, tuple[Any, int]]()
        while waiting or running:
            while idle and waiting:
                worker, number = idle.pop(), waiting.pop()
                running[calls[number](worker)] = (worker, number)
            (done,), _ = ray.wait(list(running), num_returns=1)
            worker, number = running.pop(done)
            result = ray.get(done)
            idle.append(worker)
            yield number, result


@contextlib.contextmanager
def session(
    faces: Faces,
    cache: Path,
    gpus_per_trial: float | None = None,
    threads: int = 1,
    worker: type[Any] = FitWorker,
) -> Iterator[Session]:
    """Starts Ray here, or joins the cluster of RAY_ADDRESS, and fills it with warm workers.

    `gpus_per_trial` may be a fraction; None takes a quarter where there are GPUs. `worker` does
    the fits; another class of the same form simulates them. Raises UserError where not a single
    worker fits.
    """
    import ray

    ray.init(
        address=os.environ.get("RAY_ADDRESS", "local"),  # never a cluster that happens to be near
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        if gpus_per_trial is None:
            gpus_per_trial = 0.25 if ray.cluster_resources().get("GPU", 0) else 0.0
        slots = sum(_slots(node["Resources"], threads, gpus_per_trial) for node in _alive(ray))
        if not slots:
            raise UserError(
                f"no machine of the Ray session has {threads} CPUs and {gpus_per_trial} GPUs "
                f"free for a trial; it has {_summary(ray)}: lower --gpus-per-trial"
            )
        in_memory = Faces(
            np.asarray(faces.images), faces.points, faces.source, faces.group, faces.row
        )
        held = ray.put(in_memory)
        actor = ray.remote(worker).options(
            num_cpus=threads,
            num_gpus=gpus_per_trial,
            max_restarts=-1,
            max_task_retries=RETRIES,
        )
        passed = ray.cloudpickle.dumps(held)  # as an argument, a lost one would end restarts
        workers = [actor.remote(passed, str(cache.resolve())) for _ in range(slots)]
        yield Session(workers, gpus_per_trial, held)
    finally:
        ray.shutdown()


def _alive(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _slots(resources: dict[str, float], threads: int, gpus: float) -> int:
    """Workers that fit on one machine."""
    by_cpu = int(resources.get("CPU", 0) // threads)
    return min(by_cpu, int(resources.get("GPU", 0) / gpus + 1e-9)) if gpus else by_cpu


def _summary(ray: Any) -> str:
    resources = ray.cluster_resources()
    return f"{resources.get('CPU', 0):g} CPUs and {resources.get('GPU', 0):g} GPUs"
