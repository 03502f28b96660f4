"""Whole searches with simulated fits: real Ray, Tune, Optuna and store, no Keras.

    python simulated_search.py --results RESULTS [--storage URL] [--short]

Validates augmentations, then tunes lenet5 and, begun from it, conv5. Prints, as JSON, every
trial of every study, the verdicts, the policy and the tuned configurations, to be compared
between runs that were disturbed and runs that were not. RESULTS/ran gets a line for every fit
that was run. Files in RESULTS/cache ask for faults:

    die     one worker dies in the middle of a fit, and the file is gone
    odd     says what happens to one of the screened fits: hang; die, with its worker, always;
            cramped, out of memory on less than a whole GPU; or the reason why it fails
    wait    fits wait until the file is gone, once so many were run as it says
    hurry   the driver waits 5 seconds, not a minute, for SQLite while somebody else has it
    linger  a driver that leaves waits until the file is gone
    leak    workers keep 20 MB a fit, and leave once that is 100 MB
    clock   the driver's clock jumps by a day, to and fro
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import ray

from fkd_core import experiment
from fkd_core.augment.policy import Policy
from fkd_core.data.faces import Faces
from fkd_core.data.folds import split
from fkd_core.fitting.fit import graph_of
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FIGURES, Failed, FitResult, Progress, to_record
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.store import FitStore
from fkd_core.keypoints import PIPELINES
from fkd_core.running.session import session
from fkd_core.running.worker import Told, must_leave, own_memory
from fkd_core.search import storage as storage_module
from fkd_core.search.augmentation import AugmentationSearch
from fkd_core.search.augmentation_plan import Plan
from fkd_core.search.storage import open_storage
from fkd_core.search.tune import run_studies
from fkd_core.search.tuning import Tuning
from fkd_core.search.tuning_plan import TuningPlan
from search_spaces.augmentation import CONTROL, Budget
from search_spaces.training import BUDGETS

EFFECTS = {"rotation": -0.4, "mirror": -0.3, "box_blur": 0.6, CONTROL: 6.0}
TRANSFORMS = ("rotation", "mirror", "box_blur", "sharpen", "gamma")
BUDGET = Budget((0.2, 0.9), 120, 10, 2, 4, 4, 6, 2, 4, lag=2)
FAILING = "gamma"
ODD = "sharpen"
COSTS = {"seconds", "interrupted"}
"""What a trial notes that depends on kills and timing."""
TUNING = replace(BUDGETS["smoke"], trials=9, epochs=18, faces=None, random=3, lag=2)


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
    """Stands in for FitWorker: an outcome that depends on the spec alone, after a random time."""

    def __init__(
        self, faces: Faces, cache: str, checkpoints: str | None, gpus: float, memory: int
    ) -> None:
        self._faces, self._cache, self._gpus = faces, Path(cache), gpus
        machines = self._cache / "machines"
        machines.mkdir(parents=True, exist_ok=True)
        (machines / ray.get_runtime_context().get_node_id()).touch()
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
    ) -> Told:
        parsed = FitSpec.from_json(spec)
        self._leak(parsed)
        time.sleep(np.random.default_rng().uniform(0.0, 0.05))  # the work; timing must not matter
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
        try:
            most = int((self._cache / "wait").read_text() or 0)
        except FileNotFoundError:
            return False
        return len(runs(self._cache.parent)) >= most

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
                ray.actor.exit_actor()
            self._leaked.append(np.ones(20_000_000, np.uint8))
        self._last = spec

    def _odd(self, spec: FitSpec) -> Failed | None:
        policy, mark = spec.policy, self._cache / "odd"
        alone = [(step.transform, step.strength) for step in policy.steps]
        if not mark.exists() or policy.choice != "all" or alone != [(ODD, BUDGET.strengths[1])]:
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
    """Errors around 3 px, moved by what the policy is known to do."""
    steps = spec.policy.steps
    if any(step.transform == FAILING for step in steps) and spec.policy.choice == "all":
        return Failed("the loss became nan in epoch 3")
    parts = split(faces, PIPELINES[spec.pipeline], spec.split)
    n, p = len(parts.held_out), len(spec.taught.keypoints)
    effect = sum(
        EFFECTS.get(s.transform, 0.0) * s.probability * (s.strength or 0.5) for s in steps
    )
    effect += 0.1 * abs(math.log10(spec.training.learning_rate / 3e-3))
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


@dataclass(frozen=True)
class Simulated(experiment.Options):
    """Options of the simulation."""

    short: bool = False
    """Screening and the tuning of one model, under no augmentation."""


def main(options: Simulated) -> None:
    """Search with simulated fits."""
    if (options.cache / "clock").exists():
        jump()
    try:
        search(options)
    finally:
        while (options.cache / "linger").exists():
            time.sleep(0.02)


def search(options: Simulated) -> None:
    """All its stages."""
    if (options.cache / "hurry").exists():
        storage_module.LOCKED_SECONDS = 5
    faces = simulated_faces()
    fits = Fits(FitStore(options.results / "fits"), faces.fingerprint)
    storage = open_storage(options.storage_url)
    storage.sweep()

    def note(spec: FitSpec, _: object) -> None:
        with (options.results / "ran").open("a") as file:
            file.write(fits.key(spec) + "\n")

    found: dict[str, Any] = {}
    place = replace(options.place, cache=options.cache)
    with session(faces, place, SimulatedWorker) as ray_session:
        plan = Plan("complete", TRANSFORMS, BUDGET, seed=0)
        augmentation = AugmentationSearch(plan, ray_session, fits, storage, note)
        screened = augmentation.screen()
        policy = Policy()
        if not options.short:
            verdicts = augmentation.confirm(screened)
            meeting = augmentation.compose(verdicts)
            assert meeting is not None
            policy = meeting.policy
            found["verdicts"] = [repr(verdict) for verdict in verdicts]
            found["policy"] = policy.to_json()
            found["meeting"] = repr(meeting.against_none)
        best, found["tuned"] = None, []
        for model in ("lenet5",) if options.short else ("lenet5", "conv5"):
            tuning_plan = TuningPlan(model, "complete", TUNING, policy, seed=0)
            tuning = Tuning(tuning_plan, ray_session, fits, storage, note, best)
            run_studies(ray_session, [tuning.study], fits, note)
            tuned = tuning.outcome()
            best = tuned.winner
            found["tuned"].append([repr(tuned.candidates), repr(tuned.final), tuned.rmse])
    found["trials"] = sorted(_trials(storage.optuna))
    found["fits"] = sorted(row["key"] for row in fits.store.rows())
    print(json.dumps(found))


def runs(results: Path) -> list[str]:
    """Keys of the fits that were run, in order."""
    path = results / "ran"
    return path.read_text().split() if path.exists() else []


def jump() -> None:
    """From now on this process's clock is right, a day ahead or a day behind, by chance."""
    right, chance = time.time, random.Random(1)
    time.time = lambda: right() + chance.choice((-86400.0, 0.0, 86400.0))


def _trials(storage: Any) -> list[Any]:
    return [
        [
            *(study.study_name, t.number, t.state.name, t.params, t.values),
            *(t.intermediate_values, {k: v for k, v in t.user_attrs.items() if k not in COSTS}),
        ]
        for study in storage.get_all_studies()
        for t in storage.get_all_trials(study._study_id)
    ]


if __name__ == "__main__":
    experiment.run(main, Simulated)
