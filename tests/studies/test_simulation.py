"""Studies in simulated time: the same trials whatever the crew, sooner with a larger one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import TrialState

from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5
from fkd_core.running.simulated import simulated_faces
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Halving, Never
from fkd_core.studies.sampling import Random
from fkd_core.studies.simulation import simulate
from fkd_core.studies.storage import Storage
from fkd_core.studies.study import Study, StudyPlan

FACES = simulated_faces(60)
EPOCHS = 12


def _simulated(folder: Path, workers: int, **changes: Any) -> tuple[Study, float]:
    plan = {
        "name": "rates",
        "space": lambda trial: {"rate": trial.suggest_float("rate", 1e-5, 1.0, log=True)},
        "specs": lambda values: [
            FitSpec(LeNet5(), training=Training(EPOCHS, learning_rate=values["rate"]), seed=seed)
            for seed in range(2)
        ],
        "score": lambda results: float(np.mean([result.rmse for result in results])),
        "pruner": Halving(2),
        "proposals": Proposals(Random(), lag=4),
        "trials": 12,
        "looks": (3,),
        "steps_a_fit": EPOCHS,
    }
    study = Study(StudyPlan(**(plan | changes)), Storage())
    return study, simulate([study], Fits(FitStore(folder), FACES.fingerprint), FACES, workers)


def test_a_larger_crew_does_the_same_in_less_time(tmp_path: Path) -> None:
    alone, slow = _simulated(tmp_path / "alone", 1)
    crew, fast = _simulated(tmp_path / "crew", 4)
    assert [(t.state, t.params, t.values) for t in crew.trials] == [
        (t.state, t.params, t.values) for t in alone.trials
    ]
    assert slow == alone.spent == crew.spent
    assert slow / 4 <= fast < slow / 2
    assert Counter(t.state for t in crew.trials).keys() == {
        TrialState.COMPLETE, TrialState.PRUNED
    }  # fmt: skip


def test_time_is_what_the_fits_take_an_epoch_a_second(tmp_path: Path) -> None:
    study, seconds = _simulated(tmp_path, 1, pruner=Never(), trials=3)
    assert seconds == 3 * 2 * EPOCHS
    again, none = _simulated(tmp_path, 1, pruner=Never(), trials=3)
    assert none == 0.0, "the store has them"
    assert [t.values for t in again.trials] == [t.values for t in study.trials]


def test_a_limit_on_seconds_ends_the_study(tmp_path: Path) -> None:
    study, seconds = _simulated(tmp_path, 1, trials=1000, seconds=100.0)
    assert 100.0 <= seconds <= 100.0 + EPOCHS
    assert len(study.trials) < 1000
