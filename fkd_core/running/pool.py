"""A pool of warm workers on every machine of a Ray cluster, as machines come and go."""

from __future__ import annotations

import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fkd_core.errors import UserError
from fkd_core.libraries import refuse_others, versions

LOOK_SECONDS = 2.0
"""How often it is looked for machines that came."""
FAILED_STARTS = 3
"""After so many workers that could not even start, a machine is given up."""
LEAST_MEMORY = 2 << 30
"""Bytes a worker may always keep; one that grows beyond its part of the machine is renewed."""
NO_ROOM_SECONDS = 30.0
"""After so long without a single worker it is said what is waited for."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Worker:
    """One process that does one thing at a time."""

    name: str
    """Ray's name of the actor."""
    node: str
    """Id of its machine."""
    actor: Any


@dataclass(frozen=True)
class Lost:
    """In place of an answer: the worker is gone or must go, and the call may be repeated."""

    reason: str
    counts: bool = True
    """Whether it speaks against the call, so that it is not repeated for ever."""
    repeat: bool = True
    """Whether it is worth repeating at all."""


class Pool:
    """Workers by machine: new ones on machines that join, none on those that left.

    `start` makes an actor: ``start(name, node, share, memory)``; `on_ready` is told how many of
    how many workers have started. A worker is only handed out once
    it runs, so a machine that is busy with other work is simply not used until it has room.
    """

    def __init__(
        self,
        start: Callable[[str, str, float, int], Any],
        threads: int,
        share: float,
        on_ready: Callable[[int, int], None] = lambda ready, of: None,
    ) -> None:
        self._start, self._threads, self._on_ready = start, threads, on_ready
        self._numbers = itertools.count()
        self._idle: list[Worker] = []
        self._busy: dict[str, Worker] = {}
        self._starting: dict[Any, Worker] = {}
        self._failed: Counter[str] = Counter()
        self._looked = float("-inf")
        self._served = time.monotonic()
        self.share = share
        self._fill()
        if not self.size:
            raise UserError(
                f"no machine of the Ray session has {threads} CPUs and {share:g} GPUs for a "
                f"trial; it has {_resources()}: lower --gpus-per-trial"
            )

    @property
    def size(self) -> int:
        """Workers, those that are starting included."""
        return len(self._idle) + len(self._busy) + len(self._starting)

    def take(self) -> Worker | None:
        """A worker that is free, or None for now."""
        self._look()
        if not self._idle:
            return None
        worker = self._idle.pop()
        self._busy[worker.name] = worker
        return worker

    def give(self, worker: Worker) -> None:
        """Back from a caller that is done with it."""
        if self._busy.pop(worker.name, None):
            self._idle.append(worker)

    def drop(self, worker: Worker) -> None:
        """In place of ``give``: it died, or must. Another takes its place if its machine lives."""
        import ray

        if self._busy.pop(worker.name, None):
            ray.kill(worker.actor)
            self._looked = float("-inf")

    def wait(self, calls: list[Any], seconds: float) -> list[Any]:
        """Those of these calls that are answered, as soon as there is one, or a worker has
        started, or the time is over; `calls` may be empty."""
        import ray

        self._look()  # else a worker that has started would end every wait at once
        refs = [*calls, *self._starting]
        if not refs:
            time.sleep(seconds)
            return []
        ray.wait(refs, timeout=seconds)
        done, _ = ray.wait(calls, num_returns=len(calls), timeout=0) if calls else ([], [])
        return list(done)

    def resize(self, share: float) -> None:
        """Gives every worker from now on this share of a GPU; none may be in use."""
        import ray

        if share == self.share:
            return
        assert not self._busy, "workers are resized between calls"
        for worker in (*self._idle, *self._starting.values()):
            ray.kill(worker.actor)
        self._idle.clear()
        self._starting.clear()
        self.share = share
        self._fill()

    def _look(self) -> None:
        """Takes in workers that have started, and looks now and then who joined or left."""
        import ray

        if self._starting:
            begun, _ = ray.wait(list(self._starting), num_returns=len(self._starting), timeout=0)
            for ref in begun:
                self._begun(ref)
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._fill()
            self._say_where_there_is_no_room()

    def _say_where_there_is_no_room(self) -> None:
        if self._idle or self._busy:
            self._served = time.monotonic()
        elif time.monotonic() - self._served > NO_ROOM_SECONDS:
            self._served = float("inf")  # once is enough
            log.warning("waiting for room: other work holds the CPUs or GPUs; see `ray status`")

    def _begun(self, ref: Any) -> None:
        import ray

        worker = self._starting.pop(ref, None)
        if worker is None:  # one of a machine that was given up
            return
        try:
            refuse_others(ray.get(ref), f"machine {_address(worker.node)}")
        except UserError as error:
            self._refuse(worker, error)
        except ray.exceptions.RayError as error:
            self._failed[worker.node] += 1
            if not self.size and self._failed[worker.node] >= FAILED_STARTS:
                raise UserError(f"no worker could start: {_last_line(error)}") from error
        else:
            self._failed[worker.node] = 0
            self._idle.append(worker)
            self._on_ready(len(self._idle) + len(self._busy), self.size)

    def _refuse(self, worker: Worker, error: UserError) -> None:
        """Gives up a machine whose results would be others; an error where none is left."""
        import ray

        self._failed[worker.node] = FAILED_STARTS
        for ref, other in [*self._starting.items()]:
            if other.node == worker.node:
                del self._starting[ref]
                ray.kill(other.actor)
        ray.kill(worker.actor)
        if not self.size:
            raise error
        log.error("%s; it is left out", error)

    def _fill(self) -> None:
        """As many workers on every machine as have room there."""
        self._looked = time.monotonic()
        machines = _machines()
        self._idle = [worker for worker in self._idle if worker.node in machines]
        present = (*self._idle, *self._busy.values(), *self._starting.values())
        here = Counter(worker.node for worker in present)
        for node, resources in machines.items():
            if self._failed[node] >= FAILED_STARTS:
                continue
            room = slots(resources, self._threads, self.share)
            memory = max(LEAST_MEMORY, int(resources.get("memory", 0) / max(1, room)))
            for _ in range(room - here[node]):
                name = f"fkd-worker-{next(self._numbers)}"
                actor = self._start(name, node, self.share, memory)
                worker = Worker(name, node, actor)
                self._starting[worker.actor.__ray_call__.remote(_versions)] = worker


def answer(call: Any, seconds: float | None = None, passed: float = 0.0) -> Any:
    """What the call gives, or Lost where its worker is gone or takes longer than `seconds`, of
    which so many have passed before.

    An error that the call itself raised is raised here.
    """
    import ray

    try:
        return ray.get(call, timeout=seconds and max(0.0, seconds - passed))
    except ray.exceptions.GetTimeoutError:
        return overdue(seconds or 0.0)
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError as error:
        own_will = "exit_actor" in str(error) or "INTENDED_USER_EXIT" in str(error)
        return Lost(_last_line(error), counts=not own_will)


def overdue(seconds: float) -> Lost:
    """What becomes of a call that takes longer than it may."""
    return Lost(f"took longer than {seconds / 60:.3g} min", repeat=False)


def slots(resources: Mapping[str, float], threads: int, share: float) -> int:
    """Workers that fit on one machine."""
    by_cpu = int(resources.get("CPU", 0) // threads)
    return min(by_cpu, int(resources.get("GPU", 0) / share + 1e-9)) if share else by_cpu


def _versions(_: Any) -> dict[str, str]:
    """Of the libraries where the worker runs."""
    return versions()


def _address(node: str) -> str:
    """Of the machine with this id, or the id where it has left."""
    import ray

    found = (n["NodeManagerAddress"] for n in ray.nodes() if n["NodeID"] == node)
    return str(next(found, node))


def _machines() -> dict[str, Mapping[str, float]]:
    """Resources of the machines that are up, by id."""
    import ray

    return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}


def _resources() -> str:
    import ray

    found = ray.cluster_resources()
    return f"{found.get('CPU', 0):g} CPUs and {found.get('GPU', 0):g} GPUs"


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
