"""FitWorker: a process that does one fit after another and keeps what is slow to make anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.fitting.result import (
    Checkpoint,
    FitResult,
    Progress,
    Stopped,
    progress,
    to_record,
)
from fkd_core.fitting.spec import FitSpec

Told = tuple[dict[str, Any], dict[str, Any], list[NDArray[Any]]] | Progress
"""The record, arrays and (where asked for) weights of a whole fit, or how far a paused one is."""


class FitWorker:
    """A Ray actor's body. Backend, compiled graphs and the faces stay from fit to fit.

    Fits are pure functions, so Ray may restart a dead worker and repeat its call; a paused fit
    that was lost so begins anew, with the same result.
    """

    def __init__(self, faces: bytes, cache: str) -> None:
        import ray

        self._faces: Faces = ray.get(ray.cloudpickle.loads(faces))
        self._cache = Path(cache)
        self._paused: tuple[FitSpec, Checkpoint] | None = None

    def fit(
        self,
        spec: dict[str, Any],
        looks: Sequence[int] = (),
        seconds: float | None = None,
        keep_weights: bool = False,
    ) -> Told:
        """Does the fit of this JSON spec, or goes on with it where it was paused: after each of
        the epochs `looks`, and after so many seconds."""
        from fkd_core.fitting.fit import fit

        parsed = FitSpec.from_json(spec)
        resume = self._paused[1] if self._paused and self._paused[0] == parsed else None
        self._paused = None
        started = time.perf_counter()

        def pause(epoch: int, _: dict[str, float]) -> bool:
            late = seconds is not None and time.perf_counter() - started > seconds
            return epoch < parsed.training.epochs and (epoch in looks or late)

        outcome = fit(
            parsed, self._faces, pause, resume, cache=self._cache, keep_weights=keep_weights
        )
        if isinstance(outcome, Stopped):
            self._paused = parsed, outcome.checkpoint
            return progress(outcome)
        record, arrays = to_record(parsed, outcome)
        return record, dict(arrays), outcome.weights if isinstance(outcome, FitResult) else []

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Whatever else wants a warm process: ``function(*arguments)``."""
        return function(*arguments)
