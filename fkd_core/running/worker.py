"""FitWorker: a process that does one fit after another and keeps what is slow to make anew."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.fitting import runtime
from fkd_core.fitting.checkpoints import Checkpoints
from fkd_core.fitting.fit import fit, graph_of
from fkd_core.fitting.result import (
    Checkpoint,
    FitResult,
    Progress,
    Stopped,
    progress,
    to_record,
)
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.steps import Graph

CHECKPOINT_SECONDS = 60.0
"""How far, about, a fit is set back when its process is lost."""

STAGES = 16
"""So many fits that others are aligned by a worker remembers."""

Told = tuple[dict[str, Any], dict[str, Any], list[NDArray[Any]]] | Progress
"""The record, arrays and (where asked for) weights of a whole fit, or how far a paused one is."""


class FitWorker:
    """A Ray actor's body. Backend, compiled graphs and the faces stay from fit to fit.

    Fits are pure functions, so a call whose worker died may be repeated on another: it goes on
    from the fit's latest checkpoint, or begins anew, with the same result on equal hardware. A
    worker that should not do another fit (see ``must_leave``) ends its process when asked for
    one; that call is to be repeated on a new worker, which never leaves at its first.
    """

    def __init__(
        self,
        faces: Faces,
        cache: str,
        checkpoints: str | None = None,
        gpus: float = 0.0,
        memory: int | None = None,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
    ) -> None:
        """`cache` is a folder for renderings and `checkpoints` where unfinished fits are kept (see
        ``Checkpoints``); `gpus` is this worker's share of a GPU; `memory` limits, in bytes, with
        how much of its own a worker begins another fit."""
        runtime.share_gpu(gpus)
        self._faces, self._gpus, self._memory = faces, gpus, memory
        self._held: Any = None
        self._cache = usable(Path(cache))
        self._checkpoints = None if checkpoints is None else Checkpoints(checkpoints)
        self._checkpoint_seconds = checkpoint_seconds
        self._paused: tuple[FitSpec, Checkpoint] | None = None
        self._last: Graph | None = None
        self._stages: dict[FitSpec, list[NDArray[Any]]] = {}

    def fit(
        self,
        spec: dict[str, Any],
        looks: Sequence[int] = (),
        seconds: float | None = None,
        keep_weights: bool = False,
        before: list[NDArray[Any]] | None = None,
        held: Sequence[Any] = (),
    ) -> Told:
        """Does the fit of this JSON spec, or goes on with it where it was paused: after each of
        the epochs `looks`, and after so many seconds. `before` are the weights of the fit that it
        is aligned by; without them that one is done here too. `held` is Ray's reference to the
        faces, in a sequence so that Ray leaves it one; without it they are those of last time.

        A fit that goes on from a checkpoint is past the looks before it; what was seen there is
        in the next answer.
        """
        self._take(held)
        parsed = FitSpec.from_json(spec)
        resume = self._paused[1] if self._paused and self._paused[0] == parsed else None
        if resume is None:
            self._leave_for(graph_of(parsed))
        self._paused, self._last = None, graph_of(parsed)
        started = time.perf_counter()

        def pause(epoch: int, _: dict[str, float]) -> bool:
            late = seconds is not None and time.perf_counter() - started > seconds
            return epoch < parsed.training.epochs and (epoch in looks or late)

        kept, key = self._checkpoints, parsed.key(self._faces.fingerprint)
        outcome = fit(
            parsed,
            self._faces,
            pause,
            kept.get(key) if kept and resume is None else resume,
            cache=self._cache,
            keep_weights=keep_weights,
            on_checkpoint=(lambda reached: kept.put(key, reached)) if kept else None,
            checkpoint_seconds=self._checkpoint_seconds,
            before=self._before(parsed) if before is None else before,
        )
        if isinstance(outcome, Stopped):
            self._paused = parsed, outcome.checkpoint
            if kept:
                kept.put(key, outcome.checkpoint)
            return progress(outcome)
        if kept:
            kept.discard(key)
        record, arrays = to_record(parsed, outcome)
        return record, dict(arrays), outcome.weights if isinstance(outcome, FitResult) else []

    def _take(self, held: Sequence[Any]) -> None:
        """Other faces than last time are taken; what was begun or learned of those is dropped."""
        if held and held[0] != self._held:
            import ray

            self._faces, self._held = ray.get(held[0]), held[0]
            self._paused = None
            self._stages.clear()

    def _before(self, spec: FitSpec) -> list[NDArray[Any]] | None:
        """The weights of the fit that it is aligned by, if this worker has done that one; a
        search asks for many that share it."""
        if spec.aligned_by is None:
            return None
        if spec.aligned_by not in self._stages:
            outcome = fit(
                spec.aligned_by,
                self._faces,
                cache=self._cache,
                keep_weights=True,
                before=self._before(spec.aligned_by),
            )
            if not isinstance(outcome, FitResult):
                return None  # the fit itself will say why
            self._stages[spec.aligned_by] = outcome.weights
            while len(self._stages) > STAGES:
                self._stages.pop(next(iter(self._stages)))
        return self._stages[spec.aligned_by]

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Whatever else wants a warm process: ``function(*arguments)``."""
        return function(*arguments)

    def _leave_for(self, wanted: Graph) -> None:
        if must_leave(self._last, wanted, self._gpus, own_memory(), self._memory):
            import ray

            ray.actor.exit_actor()


def must_leave(
    last: Graph | None, wanted: Graph, gpus: float, used: int, limit: int | None
) -> bool:
    """Whether a worker should make room for a new process before a fit.

    `last` is the graph of its last fit, None before its first; `used` and `limit` are bytes of
    main memory. On a GPU another graph is reason enough: TensorFlow gives the GPU's memory back
    only when its process ends.
    """
    if last is None:
        return False
    return (gpus > 0 and wanted != last) or (limit is not None and used > limit)


def own_memory() -> int:
    """Resident bytes of this process that it shares with no other and that no file holds; where
    the system does not say, all that were resident at most; 0 where it says nothing."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
        return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if os.uname().sysname == "Darwin" else peak * 1024


def usable(cache: Path) -> Path:
    """The folder, made where it is missing; one for temporary files where it cannot be written,
    as on a machine of a cluster that lacks the disk."""
    for folder in (cache, Path(tempfile.gettempdir()) / "fkd-cache"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="fkd-cache-"))
