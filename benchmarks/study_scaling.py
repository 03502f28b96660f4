"""What a trial costs its driver once its study has many trials.

    python benchmarks/study_scaling.py [--sizes 100 1000 10000] [--window 20] [--ray]

For every size, fills a study in SQLite with that many ended trials of lenet5's search space
(made up, written straight into Optuna's tables), then searches `window` more trials with simulated
fits in a new process: TPE, successive halving, the real scheduler and store. With --ray they go
through Ray Tune and warm workers (2 CPUs), else through one worker in the driver's process. For
each size prints: seconds and CPU seconds a trial, CPU seconds to open the study, and the driver's
memory at its largest before and after the window. For Linux. Seeds: 0.
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna

from fkd_core.augment.policy import Policy
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.store import FitStore
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.running.place import Place
from fkd_core.running.session import session
from fkd_core.running.simulated import SimulatedWorker, simulated_faces
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Halving
from fkd_core.studies.sampling import TPE
from fkd_core.studies.simulation import simulate
from fkd_core.studies.storage import open_storage
from fkd_core.studies.study import Study, StudyPlan
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS

NAME = "tuning/complete/lenet5@scaling0"
BUDGET = replace(BUDGETS["full"], epochs=60, faces=None)
SAMPLER = TPE(n_startup_trials=BUDGET.random, group=True)


@dataclass(frozen=True)
class Options:
    """What is measured."""

    sizes: tuple[int, ...] = (100, 1000, 10_000)
    """Trials that the study has before."""
    window: int = 20
    """Trials that are timed."""
    ray: bool = False
    """Through Ray Tune."""


def open_study(url: str, trials: int) -> Study:
    """The study with this total."""
    plan = TuningPlan(ModelSpace("lenet5"), "complete", BUDGET, Policy(), seed=0)
    design = plan.design("search")
    return Study(
        StudyPlan(
            name=NAME,
            space=plan.space.space,
            specs=lambda values: design.specs(plan.spec(values)),
            score=lambda results: float(np.mean([result.rmse for result in results])),
            pruner=Halving(BUDGET.eta),
            proposals=Proposals(SAMPLER, 0, BUDGET.lag),
            trials=trials,
            looks=BUDGET.looks,
            steps_a_fit=BUDGET.epochs,
        ),
        open_storage(url),
    )


def fill(database: Path, first: int, trials: int) -> None:
    """Adds ended trials to the study, straight into Optuna's tables: three in five were pruned."""
    plan, chance = (
        TuningPlan(ModelSpace("lenet5"), "complete", BUDGET, Policy(), seed=0),
        random.Random(first),
    )
    now = "2026-01-01 00:00:00.000000"
    tables: dict[str, list[tuple[object, ...]]] = {}
    with sqlite3.connect(database) as db:
        (study,) = db.execute("SELECT study_id FROM studies").fetchone()
        (last,) = db.execute("SELECT coalesce(max(trial_id), 0) FROM trials").fetchone()
        for number in range(first, trials):
            trial_id = last + 1 + number - first
            asked = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=number)).ask()
            plan.space.space(asked)
            frozen = asked.study.trials[-1]
            value = 3 + chance.expovariate(2.0)
            steps = {BUDGET.looks[0]: value * 1.6}
            state = "PRUNED" if chance.random() < 0.6 else "COMPLETE"
            if state == "COMPLETE":
                steps |= {BUDGET.looks[1]: value * 1.3, BUDGET.epochs: value, 120: value}
            spent = float(max(steps))
            notes = {
                "fits": [f"{chance.getrandbits(64):016x}" for _ in range(len(steps) // 2)],
                "rmse": [round(value, 4)] * (len(steps) // 2),
                "fit_seconds": spent * (state == "COMPLETE"),
                "seconds": spent,
            }
            tables.setdefault("trials", []).append((trial_id, number, study, state, now, now))
            for name, external in frozen.params.items():
                among = frozen.distributions[name]
                tables.setdefault("trial_params", []).append(
                    (
                        None, trial_id, name, among.to_internal_repr(external),
                        optuna.distributions.distribution_to_json(among),
                    )
                )  # fmt: skip
            for name, note in notes.items():
                tables.setdefault("trial_user_attributes", []).append(
                    (None, trial_id, name, json.dumps(note))
                )
            tables.setdefault("trial_values", []).append(
                (None, trial_id, 0, steps[max(steps)], "FINITE")
            )
            for step, reached in steps.items():
                tables.setdefault("trial_intermediate_values", []).append(
                    (None, trial_id, step, reached, "FINITE")
                )
        for table, rows in tables.items():
            marks = ",".join("?" * len(rows[0]))
            db.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def measure(folder: Path, size: int, window: int, with_ray: bool) -> dict[str, float]:
    """Searches the window in this process."""
    faces = simulated_faces()
    fits = Fits(FitStore(folder / "fits"), faces.fingerprint)
    url = f"sqlite:///{folder / 'studies.db'}"
    if with_ray:
        from fkd_core.studies.ray_tune import run_studies

        with session(faces, Place(folder / "cache"), SimulatedWorker) as ray_session:
            study = open_study(url, size + 2)
            run_studies(ray_session, [study], fits)  # warms up
            study, opened = opened_study(url, size + 2 + window)
            before, started, cpu = peak_mb(), time.perf_counter(), time.process_time()
            run_studies(ray_session, [study], fits)
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    else:
        simulate([open_study(url, size + 2)], fits, faces)
        study, opened = opened_study(url, size + 2 + window)
        before, started, cpu = peak_mb(), time.perf_counter(), time.process_time()
        simulate([study], fits, faces)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return {
        "s a trial": seconds / window,
        "CPU s a trial": cpu / window,
        "CPU s to open": opened,
        "MB before": before,
        "MB after": peak_mb(),
    }


def opened_study(url: str, trials: int) -> tuple[Study, float]:
    """The study, with what is in it read; and the CPU seconds that took, once a driver."""
    cpu = time.process_time()
    study = open_study(url, trials)
    assert not study.finished
    return study, time.process_time() - cpu


def peak_mb() -> float:
    """Memory of this process at its largest; `getrusage` would count its parent's."""
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x]
    return int(line.split()[1]) / 1024


def main(options: Options) -> None:
    """Each size in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="fkd-scaling-") as name:
        folder, filled = Path(name), 0
        for size in options.sizes:
            open_study(f"sqlite:///{folder / 'studies.db'}", size).close()
            fill(folder / "studies.db", filled, size)
            filled = size + 2 + options.window
            told = subprocess.run(
                [sys.executable, __file__, "--one", name, str(size), str(options.window),
                 str(int(options.ray))],
                check=True, capture_output=True, text=True,
            ).stdout  # fmt: skip
            figures = json.loads(told.splitlines()[-1])
            cells = "  ".join(f"{what} {value:8.3f}" for what, value in figures.items())
            print(f"{size:6d} trials: {cells}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        folder, size, window, with_ray = sys.argv[2:]
        print(json.dumps(measure(Path(folder), int(size), int(window), with_ray == "1")))
    else:
        import tyro

        main(tyro.cli(Options, description=__doc__))
