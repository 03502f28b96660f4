"""Whole searches with simulated fits: real Ray, Tune, Optuna and store, no Keras.

    python simulated_search.py --results RESULTS [--storage URL] [--short]

Validates augmentations, then tunes lenet5 and, begun from it, conv5. Prints, as JSON, every
trial of every study, the verdicts, the policy and the tuned configurations, to be compared
between runs that were disturbed and runs that were not. RESULTS/ran gets a line for every fit
that was run. Files in RESULTS/cache ask for the faults of ``fkd_core.running.simulated``, and
for more:

    hurry   the driver waits 5 seconds, not a minute, for SQLite while somebody else has it
    linger  a driver that leaves waits until the file is gone
    clock   the driver's clock jumps by a day, to and fro
"""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from fkd_core import command
from fkd_core.augment.policy import Policy
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.store import FitStore
from fkd_core.protocols.augmentation import AugmentationSearch
from fkd_core.protocols.augmentation_plan import Plan
from fkd_core.protocols.tuning import Tuning
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.running.session import session
from fkd_core.running.simulated import SimulatedWorker, simulated_faces
from fkd_core.shared_options import Options
from fkd_core.studies import storage as storage_module
from fkd_core.studies.ray_tune import run_studies
from fkd_core.studies.storage import open_storage
from search_spaces import augmentation as space
from search_spaces.augmentation import Budget
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS

TRANSFORMS = ("rotation", "mirror", "box_blur", "sharpen", "gamma")
BUDGET = Budget((0.2, 0.9), 120, 10, 2, 4, 4, 6, 2, 4, 2, lag=2)
COSTS = {"seconds", "interrupted"}
"""What a trial notes that depends on kills and timing."""
TUNING = replace(BUDGETS["smoke"], trials=9, epochs=18, faces=None, random=3, lag=2)


@dataclass(frozen=True)
class Simulated(Options):
    """Options of the simulation."""

    ROOM: ClassVar = 0

    short: bool = False
    """Screening and the tuning of one model, under no augmentation; on this machine by one
    worker, which is soon there."""


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
    alone = options.short and not options.address
    place = replace(
        options.place, cache=options.cache, threads=(os.cpu_count() or 1) if alone else 1
    )
    with session(faces, place, SimulatedWorker) as ray_session:
        plan = Plan(space, "complete", TRANSFORMS, BUDGET, seed=0)
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
            tuning_plan = TuningPlan(ModelSpace(model), "complete", TUNING, policy, seed=0)
            tuning = Tuning(tuning_plan, ray_session, fits, storage, note, best)
            run_studies(ray_session, [tuning.study], fits, note)
            tuned = tuning.outcome()
            best = tuned.winner
            found["tuned"].append([repr(tuned.candidates), repr(tuned.final), tuned.rmse])
    found["trials"] = sorted(_trials(storage.optuna))
    found["fits"] = sorted(row["key"] for row in fits.store.rows())
    print(json.dumps(found))


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
    command.run(main, Simulated)
