"""SimulatedWorker: stands in for FitWorker where a search is tried rather than models.

Its outcomes follow from the spec alone and cost next to nothing, so that search rules are compared
in seconds and faults are tried by the thousand. Files in its cache folder ask for faults:

    die     one worker dies in the middle of a fit, and the file is gone
    odd     says what happens to fits under ``ODD`` alone: hang; die, with its worker, always;
            cramped, out of memory on less than a whole GPU; or the reason why they fail
    wait    fits wait until the file is gone, once the file `ran` beside the cache folder has as
            many lines as it says
    leak    workers keep 20 MB a fit, and leave once that is 100 MB
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fkd_core.data.faces import Faces
from fkd_core.data.folds import split
from fkd_core.fitting.fit import graph_of
from fkd_core.fitting.result import FIGURES, Failed, FitResult, Progress, to_record
from fkd_core.fitting.spec import FitSpec
from fkd_core.running.worker import Told, must_leave, own_memory
from fkd_core.sources import PIPELINES

EFFECTS = {"rotation": -0.4, "mirror": -0.3, "box_blur": 0.6, "mirror_without_swap": 6.0}
"""What a transform does to every face's error at full strength, px; others do nothing."""
FAILING = "gamma"
"""Fits under this transform fail, unless it is one of several to choose from."""
ODD = ("sharpen", 0.9)
"""The transform and strength that the fault ``odd`` is for."""
BEST_RATE = 3e-3
"""The learning rate with the lowest error."""


def simulated_faces(n: int = 160) -> Faces:
    """Faces without a picture: only who is who matters here."""
    rng = np.random.default_rng(7)
    return Faces(
        np.zeros((n, 96, 96), np.uint8),
        rng.uniform(20, 76, (n, 15, 2)).astype(np.float32),
        np.zeros(n, np.int8),
        rng.integers(0, 2**63, n, dtype=np.uint64),
        np.arange(1, n + 1, dtype=np.int32),
    )


class SimulatedWorker:
    """Takes the place of ``FitWorker``: an outcome by the spec alone, after a random time."""

    def __init__(
        self,
        faces: Faces,
        cache: str,
        checkpoints: str | None = None,
        gpus: float = 0.0,
        memory: int | None = None,
        pause: float = 0.05,
    ) -> None:
        """As ``FitWorker``; `pause` is the longest time in seconds that a call takes."""
        self._faces, self._cache, self._gpus, self._pause = faces, Path(cache), gpus, pause
        _mark_machine(self._cache / "machines")
        self._paused: tuple[FitSpec | None, int] = (None, 0)
        self._last: FitSpec | None = None
        self._leaked: list[object] = []
        self._limit = own_memory() + 100_000_000

    def fit(
        self,
        spec: dict[str, Any],
        looks: Sequence[int] = (),
        seconds: float | None = None,
        keep_weights: bool = False,
        before: object = None,
        held: Sequence[Any] = (),
    ) -> Told:
        """As ``FitWorker.fit``; an epoch is said to take a second, and no weights are kept."""
        if held:
            import ray

            self._faces = ray.get(held[0])
        parsed = FitSpec.from_json(spec)
        self._leak(parsed)
        time.sleep(np.random.default_rng().uniform(0, self._pause))  # timing must not matter
        while self._waits():
            time.sleep(0.02)
        self._die()
        result = self._odd(parsed) or outcome(parsed, self._faces)
        at = self._paused[1] if self._paused[0] == parsed else 0
        ahead = [look for look in looks if look > at]
        if ahead and isinstance(result, FitResult):
            self._paused = parsed, ahead[0]
            rmse = list(result.history["held_out_rmse"][: ahead[0]])
            return Progress(ahead[0], rmse, float(ahead[0]))
        record, arrays = to_record(parsed, result)
        return record, dict(arrays), []

    def _waits(self) -> bool:
        ran = self._cache.parent / "ran"
        try:
            most = int((self._cache / "wait").read_text() or 0)
        except FileNotFoundError:
            return False
        return (len(ran.read_text().split()) if ran.exists() else 0) >= most

    def _die(self) -> None:
        try:
            (self._cache / "die").unlink()
        except FileNotFoundError:
            return
        os._exit(1)

    def _leak(self, spec: FitSpec) -> None:
        if (self._cache / "leak").exists():
            last = graph_of(self._last) if self._last else None
            if must_leave(last, graph_of(spec), self._gpus, own_memory(), self._limit):
                import ray

                ray.actor.exit_actor()
            self._leaked.append(np.ones(20_000_000, np.uint8))
        self._last = spec

    def _odd(self, spec: FitSpec) -> Failed | None:
        policy, mark = spec.policy, self._cache / "odd"
        alone = [(step.transform, step.strength) for step in policy.steps]
        if policy.choice != "all" or alone != [ODD] or not mark.exists():
            return None
        what = mark.read_text()
        if what == "hang":
            time.sleep(1e6)
        if what == "die":
            os._exit(1)
        if what == "cramped":
            return None if self._gpus >= 1 else Failed("out of memory", out_of_memory=True)
        return Failed(what)


def outcome(spec: FitSpec, faces: Faces) -> FitResult | Failed:
    """Errors around 3 px, moved by what the policy and the learning rate are said to do."""
    steps = spec.policy.steps
    if any(step.transform == FAILING for step in steps) and spec.policy.choice == "all":
        return Failed("the loss became nan in epoch 3")
    parts = split(faces, PIPELINES[spec.pipeline], spec.split)
    n, p = len(parts.held_out), len(spec.taught.keypoints)
    effect = sum(
        EFFECTS.get(s.transform, 0.0) * s.probability * (s.strength or 0.5) for s in steps
    )
    effect += 0.1 * abs(math.log10(spec.training.learning_rate / BEST_RATE))
    noise = np.random.default_rng([spec.seed, spec.split.fold, len(steps)])
    face = np.random.default_rng(3).normal(0, 0.3, len(faces))[parts.held_out]
    size = 3.0 + 2 * effect + face + noise.normal(0, 0.02, n)
    rmse = float(np.sqrt(np.mean(size**2)))
    epochs = spec.training.epochs
    curve = rmse * (1 + np.linspace(1, 0, epochs))
    return FitResult(
        spec=spec,
        history=dict.fromkeys(FIGURES, curve),
        predictions=np.zeros((n, p, 2), np.float32),
        row=faces.row[parts.held_out],
        group=faces.group[parts.held_out],
        squared=np.repeat(2 * size[:, None] ** 2, p, axis=1),
        labelled=np.ones((n, p), bool),
        parameters=1000,
        train_faces=len(parts.train),
        train_rmse=0.9,
        best_epoch=epochs,
        seconds={"train": float(epochs)},
        versions={"python": sys.version.split()[0]},
    )


def _mark_machine(folder: Path) -> None:
    """Leaves a file named after this machine, where it is one of a Ray session."""
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ray.get_runtime_context().get_node_id()).touch()
