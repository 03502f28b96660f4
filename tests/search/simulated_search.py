"""Whole searches with simulated fits: real Ray, Tune, Optuna and store, no Keras.

    python simulated_search.py RESULTS [STORAGE_URL]

A file RESULTS/cache/die makes one worker die in the middle of a fit (and is gone then).

Validates augmentations, then tunes lenet5 and, begun from it, conv5. Prints, as JSON, every
trial of every study, the verdicts, the policy and the tuned configurations, to be compared
between runs that were killed and runs that were not. RESULTS/ran gets a line for every fit that
was run.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import ray

from fkd_core.data.faces import Faces
from fkd_core.data.folds import split
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FIGURES, Failed, FitResult, Progress, to_record
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.store import FitStore
from fkd_core.keypoints import PIPELINES
from fkd_core.running.session import session
from fkd_core.running.worker import Told
from fkd_core.search.augmentation import AugmentationSearch
from fkd_core.search.augmentation_plan import Plan
from fkd_core.search.studies import open_storage
from fkd_core.search.tune import run_studies
from fkd_core.search.tuning import Tuning
from fkd_core.search.tuning_plan import TuningPlan
from search_spaces.augmentation import CONTROL, Budget
from search_spaces.training import BUDGETS

EFFECTS = {"rotation": -0.4, "mirror": -0.3, "box_blur": 0.6, CONTROL: 6.0}
TRANSFORMS = ("rotation", "mirror", "box_blur", "sharpen", "gamma")
BUDGET = Budget((0.2, 0.9), 120, 10, 2, 4, 4, 6, 2, 4, lag=2)
FAILING = "gamma"
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

    def __init__(self, faces: bytes, cache: str) -> None:
        self._faces = ray.get(ray.cloudpickle.loads(faces))
        self._die = Path(cache) / "die"
        self._paused: tuple[FitSpec | None, int] = (None, 0)

    def node(self) -> str:
        """The machine this worker runs on."""
        return str(ray.get_runtime_context().get_node_id())

    def fit(
        self,
        spec: dict[str, Any],
        looks: Sequence[int] = (),
        seconds: float | None = None,
        keep_weights: bool = False,
    ) -> Told:
        time.sleep(np.random.default_rng().uniform(0.0, 0.05))  # the work; timing must not matter
        if self._die.exists():
            self._die.unlink(missing_ok=True)
            os._exit(1)
        parsed = FitSpec.from_json(spec)
        result = outcome(parsed, self._faces)
        at = self._paused[1] if self._paused[0] == parsed else 0
        ahead = [look for look in looks if look > at]
        if ahead and isinstance(result, FitResult):
            self._paused = parsed, ahead[0]
            rmse = list(result.history["held_out_rmse"][: ahead[0]])
            return Progress(ahead[0], rmse, float(ahead[0]))
        record, arrays = to_record(parsed, result)
        return record, dict(arrays), []


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


def main(results: Path, url: str | None) -> None:
    faces = simulated_faces()
    fits = Fits(FitStore(results / "fits"), faces.fingerprint)
    storage = open_storage(url or f"sqlite:///{results / 'studies.db'}")
    ran = results / "ran"

    def note(spec: FitSpec, _: object) -> None:
        with ran.open("a") as file:
            file.write(fits.key(spec) + "\n")

    with session(faces, results / "cache", worker=SimulatedWorker) as ray_session:
        nodes = set(ray.get([worker.node.remote() for worker in ray_session.workers]))
        search = AugmentationSearch(
            Plan("complete", TRANSFORMS, BUDGET, seed=0),
            ray_session,
            fits,
            storage,
            note,
        )
        verdicts = search.confirm(search.screen())
        meeting = search.compose(verdicts)
        assert meeting is not None
        best, tuned = None, []
        for model in ("lenet5", "conv5"):
            plan = TuningPlan(model, "complete", TUNING, meeting.policy, seed=0)
            tuning = Tuning(plan, ray_session, fits, storage, note, best)
            run_studies(ray_session, [tuning.study], fits, note)
            found = tuning.outcome()
            best = found.winner
            tuned.append([repr(found.candidates), repr(found.final), found.rmse])
    everything = {
        "trials": sorted(_trials(storage)),
        "verdicts": [repr(verdict) for verdict in verdicts],
        "policy": meeting.policy.to_json(),
        "meeting": repr(meeting.against_none),
        "tuned": tuned,
        "fits": sorted(row["key"] for row in fits.store.rows()),
    }
    (results / "nodes").write_text("\n".join(nodes))
    print(json.dumps(everything))


def _trials(storage: Any) -> list[Any]:
    return [
        [
            *(study.study_name, t.number, t.state.name, t.params, t.values),
            *(t.intermediate_values, {k: v for k, v in t.user_attrs.items() if k != "seconds"}),
        ]
        for study in storage.get_all_studies()
        for t in storage.get_all_trials(study._study_id)
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
