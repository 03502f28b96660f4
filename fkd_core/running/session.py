"""A Ray session: on this machine, or on a cluster that is joined."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.fitting.fits import Fits, OnOutcome, Outcome
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.runtime import gpu_total_bytes
from fkd_core.fitting.spec import FitSpec
from fkd_core.running.order import Order
from fkd_core.running.place import Place
from fkd_core.running.pool import Lost, Pool, Worker, answer, overdue
from fkd_core.running.sharing import doubled, share_for
from fkd_core.running.watch import Watch
from fkd_core.running.worker import FitWorker
from fkd_core.stopping import in_one_piece

RETRIES = 3
"""How often a call is repeated whose worker died."""
LOOK_SECONDS = 2.0
"""How often, at least, it is looked for machines that came and calls that take too long."""

Result = TypeVar("Result")
Call = Callable[[Any], Any]
"""Starts something on a worker: ``lambda worker: worker.method.remote(...)``."""


@dataclass(frozen=True)
class Session:
    """Warm workers that hold the faces. Made by ``session``."""

    pool: Pool
    place: Place
    watch: Watch = field(default_factory=Watch)
    """Is told what is wanted next."""
    held: Sequence[Any] = ()
    """Ray's reference to the faces: once on every machine, not once a fit."""

    def teaching(self, faces: Faces) -> Session:
        """The same workers, for fits on other faces."""
        return replace(self, held=_held(faces))

    @property
    def fit_seconds(self) -> float | None:
        """The hard limit of one fit."""
        return self.place.fit_minutes and self.place.fit_minutes * 60

    def worker_seconds(self, gpu_hours: float | None) -> float | None:
        """So many device-hours as seconds of one worker, which holds a share of a GPU."""
        return gpu_hours and gpu_hours * 3600 / (self.pool.share or 1.0)

    def run_fits(
        self,
        specs: Sequence[FitSpec],
        fits: Fits,
        on_outcome: OnOutcome | None = None,
        *,
        keep_weights: bool = False,
    ) -> list[Outcome]:
        """The outcomes of these specs in order; only what the store lacks is run, after the fits
        that it is aligned by, which are kept like any other.

        With `keep_weights`, a fit whose weights the store lacks is run again.
        """
        todo = fits.lacking(specs, keep_weights)
        self.watch.fits(specs, todo)
        kept = set(todo) if keep_weights else {spec.aligned_by for spec in todo}
        cramped = self._run(todo, fits, on_outcome, kept)
        share, wider = self.pool.share, doubled(self.pool.share)
        if cramped and wider is not None:
            self.pool.resize(wider)
            cramped = self._run(cramped, fits, on_outcome, kept)
            self.pool.resize(share)
        if cramped:
            had = wider or share
            more = f", also with {had:g} of a GPU; give trials more (--gpus-per-trial)"
            raise UserError(
                f"{cramped[0].name} ran out of memory"
                f"{more if had else '; free some of this machine'}, or make its batches smaller"
            )
        found = [fits.get(spec) for spec in specs]
        missing = [spec for spec, outcome in zip(specs, found, strict=True) if outcome is None]
        if missing:
            raise UserError(
                f"{len(missing)} results vanished from {fits.store.root} while they were needed; "
                "run the same command again"
            )
        return [outcome for outcome in found if outcome is not None]

    def _run(
        self,
        specs: Sequence[FitSpec],
        fits: Fits,
        on_outcome: OnOutcome | None,
        kept: Set[FitSpec | None],
    ) -> list[FitSpec]:
        """Runs them all, each after the one it is aligned by; gives those that ran out of memory,
        of which nothing is kept."""
        place = {spec: number for number, spec in enumerate(specs)}
        after = {
            number: place[spec.aligned_by]
            for number, spec in enumerate(specs)
            if spec.aligned_by in place
        }

        def start(spec: FitSpec) -> Call:
            def call(worker: Any) -> Any:
                more: dict[str, Any] = {"held": self.held}
                if spec.aligned_by is not None:  # read late, so that few are held at a time
                    more["before"] = fits.weights(spec.aligned_by)
                self.watch.begun(spec)
                return worker.fit.remote(spec.to_json(), keep_weights=spec in kept, **more)

            return call

        cramped = []
        calls = [start(spec) for spec in specs]
        for number, told in self.spread(calls, self.fit_seconds, after):
            record, arrays, weights = told
            if record["summary"].get("out_of_memory"):
                cramped.append(specs[number])
                continue
            outcome = fits.put(specs[number], record, arrays, weights)
            if on_outcome:
                on_outcome(specs[number], outcome)
        return cramped

    def pack(self, specs: Sequence[FitSpec], fits: Fits) -> None:
        """With `gpus_per_trial` "auto": as many workers a GPU as such fits leave room for, by what
        the first of each model, shortened to one epoch, took of it. Call it between fits."""
        if self.place.gpus_per_trial != "auto" or not self.pool.share:
            return
        (total,) = self.map([gpu_total_bytes])
        if total is None:
            return
        short = {s.model: replace(s, training=replace(s.training, epochs=1)) for s in specs}
        self.pool.resize(1.0)
        for spec in short.values():
            known = fits.get(spec)
            if not (isinstance(known, FitResult) and known.gpu_bytes):
                fits.store.discard(fits.key(spec))  # made without a GPU: it tells nothing here
        measured = self.run_fits(list(short.values()), fits)
        peaks = [fit.gpu_bytes for fit in measured if isinstance(fit, FitResult) and fit.gpu_bytes]
        if peaks:
            self.pool.resize(share_for(max(peaks), total))

    def map(self, tasks: Sequence[Callable[[], Result]]) -> list[Result]:
        """What these functions return, in order, each called in a worker."""

        def start(task: Callable[[], Result]) -> Call:
            return lambda worker: worker.call.remote(task)

        found = dict(self.spread([start(task) for task in tasks]))
        return [found[number] for number in range(len(tasks))]

    def spread(
        self,
        calls: Sequence[Call],
        seconds: float | None = None,
        after: Mapping[int, int] | None = None,
    ) -> Iterator[tuple[int, Any]]:
        """Makes every call on a worker that is free; gives number and result of each as it ends.

        A call that is to come `after` another waits until the caller has that one's result; see
        ``Order``. A call whose worker dies is repeated on another; what a call gives is held no
        longer than the caller holds it. Raises UserError where workers die of a call again and
        again, or where one takes longer than `seconds`.
        """
        order = Order(len(calls), after)
        running: dict[Any, tuple[Worker, int, float]] = {}
        deaths: Counter[int] = Counter()

        def following() -> int | None:
            return order.following([number for _, number, _ in running.values()], self.pool.size)

        while order or running:
            while (number := following()) is not None and (worker := self.pool.take()):
                order.begin(number)
                running[calls[number](worker.actor)] = worker, number, time.monotonic()
            done = set(self.pool.wait(list(running), LOOK_SECONDS))
            for call, (worker, number, began) in list(running.items()):
                if call in done:
                    result = answer(call)
                elif seconds is not None and time.monotonic() - began > seconds:
                    result = overdue(seconds)
                else:
                    continue
                del running[call]
                if not isinstance(result, Lost):
                    self.pool.give(worker)
                    yield number, result
                    order.end(number)
                    continue
                self.pool.drop(worker)
                deaths[number] += result.counts
                if not result.repeat:
                    raise UserError(f"a fit {result.reason}, which is --fit-minutes")
                if deaths[number] > RETRIES:
                    raise UserError(
                        f"{deaths[number]} workers died of the same task ({result.reason}); give "
                        "it more room (--gpus-per-trial, memory) and run the same command again"
                    )
                order.repeat(number)


@contextlib.contextmanager
def session(
    faces: Faces, place: Place, worker: type[Any] = FitWorker, watch: Watch | None = None
) -> Iterator[Session]:
    """Starts Ray here, or joins the cluster, and fills it with warm workers.

    `worker` does the fits; another class of the same form simulates them. `watch` is told how far
    that is, and what the session does. Raises UserError where
    the cluster cannot be reached or not a single worker fits.
    """
    import ray

    watch = watch or Watch()
    watch.waiting("joining the cluster" if place.address else f"starting Ray in {place.folder}")
    try:
        with in_one_piece():  # half a start is never shut down, and crashes as the process ends
            place.connect()
        share = place.gpus_per_trial
        if not isinstance(share, float | int):
            share = (
                (1.0 if share == "auto" else 0.25) if ray.cluster_resources().get("GPU") else 0.0
            )
        held = _held(faces)
        remote = ray.remote(worker)

        def start(name: str, node: str, share: float, memory: int) -> Any:
            actor = remote.options(
                name=name,
                num_cpus=place.threads,
                num_gpus=share,
                max_restarts=0,
                scheduling_strategy=ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
                    node, soft=False
                ),
            )
            cache = str(place.cache.resolve())
            return actor.remote(held[0], cache, place.checkpoints, share, memory)

        watch.waiting("starting workers")
        yield Session(Pool(start, place.threads, share, watch.ready), place, watch, held)
    finally:
        with in_one_piece():
            ray.shutdown()
        place.trim()


def _held(faces: Faces) -> Sequence[Any]:
    import ray

    of_files = Faces(np.asarray(faces.images), faces.points, faces.source, faces.group, faces.row)
    return [ray.put(of_files)]
