"""Simulation: studies scored in this process by simulated workers, in simulated time.

The scheduler is real and so are studies, storage and store; only Ray, Tune and the training
are missing. So search rules are compared in seconds, and what a trial costs its driver is measured
without what it costs the workers.
"""

from __future__ import annotations

import heapq
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fkd_core.data.faces import Faces
from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.result import Progress
from fkd_core.running.pool import Worker
from fkd_core.running.simulated import SimulatedWorker
from fkd_core.running.worker import Told
from fkd_core.studies.scheduler import Scheduler
from fkd_core.studies.study import Study
from fkd_core.studies.trial import OnTrial


def simulate(
    studies: Sequence[Study],
    fits: Fits,
    faces: Faces,
    workers: int = 1,
    on_trial: OnTrial | None = None,
    on_outcome: OnOutcome | None = None,
    clock: Clock | None = None,
) -> float:
    """Scores trials until every study has its fixed total; gives the seconds that so many workers
    would have taken, at a second an epoch. Raises what the scheduler stopped at. `clock` goes on
    by these seconds."""
    with tempfile.TemporaryDirectory(prefix="fkd-simulated-") as cache:
        crew = _Crew([Worker(str(n), "here", SimulatedWorker(faces, cache, pause=0.0))
                      for n in range(workers)])  # fmt: skip
        scheduler = Scheduler(studies, fits, crew, on_outcome, on_trial)
        clock = clock or Clock()
        began = clock.now
        try:
            _run(scheduler, {worker.name: worker.actor for worker in crew.free}, clock)
            return clock.now - began
        finally:
            for study in studies:
                study.close()


@dataclass
class Clock:
    """Simulated seconds."""

    now: float = 0.0


@dataclass
class _Crew:
    """The scheduler's workers: they never die and need no GPU."""

    free: list[Worker]
    share: float = 0.0

    def take(self) -> Worker | None:
        return self.free.pop() if self.free else None

    def give(self, worker: Worker) -> None:
        self.free.append(worker)

    def drop(self, worker: Worker) -> None:
        self.free.append(worker)

    def resize(self, share: float) -> None:
        """There is no GPU to share."""


@dataclass(order=True)
class _Step:
    """What a worker will tell, and when."""

    time: float
    trial: str
    told: Told = field(compare=False)
    asked: dict[str, Any] = field(compare=False)
    done: int = field(compare=False)
    """Whole fits of the trial, this one included."""


def _run(scheduler: Scheduler, actors: dict[str, SimulatedWorker], clock: Clock) -> None:
    numbers, ahead = itertools.count(), list[_Step]()

    def work(trial: str, asked: dict[str, Any], done: int, spent: float) -> None:
        """Has a worker take the trial's next step, of which `spent` seconds are over."""
        told = actors[asked["worker"]].fit(asked["specs"][done], asked["looks"])
        whole = not isinstance(told, Progress)
        seconds = told[0]["summary"]["seconds"] if isinstance(told, tuple) else told.seconds
        step = _Step(clock.now + seconds - spent, trial, told, asked, done + whole)
        heapq.heappush(ahead, step)

    while True:
        while asked := scheduler.suggest(trial := f"{next(numbers):08d}"):
            work(trial, asked, 0, 0.0)
        if scheduler.finished:
            return
        if not ahead:
            raise RuntimeError("no trial runs and none can begin: another driver has the rest")
        step = heapq.heappop(ahead)
        clock.now = step.time
        if scheduler.on_result(step.trial, step.told):
            scheduler.on_end(step.trial)
        else:
            spent = step.told.seconds if isinstance(step.told, Progress) else 0.0
            work(step.trial, step.asked, step.done, spent)
