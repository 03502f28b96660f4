"""Which rule of search finds more for the same worker hours? With simulated fits, in seconds.

    python benchmarks/search_rules.py [--whole 15] [--seeds 2] [--workers 2] [--out FOLDER]

Tunes lenet5's search space by random search and by TPE, each with and without successive halving:
real studies, scheduler and store, simulated workers in simulated time (an epoch takes a second).
Every rule may spend what `whole` whole trials cost. Prints, as means over the seeds: trials, those
of them that were pruned, the best RMSE, what it is above the best there is, and the hours that so
many workers took. The simulated error depends on the learning rate alone, and a trial that is
ahead stays ahead: what halving costs where that is not so needs real fits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from optuna.trial import TrialState
from rich.console import Console

from fkd_core.augment.policy import Policy
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.store import FitStore
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.report.sheet import Sheet
from fkd_core.running.simulated import BEST_RATE, outcome, simulated_faces
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Halving, Never, Pruner
from fkd_core.studies.sampling import TPE, Random, Sampler
from fkd_core.studies.simulation import simulate
from fkd_core.studies.storage import Storage
from fkd_core.studies.study import Study, StudyPlan
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS

BUDGET = replace(BUDGETS["quick"], faces=None, lag=4)
FACES = simulated_faces()
SAMPLERS: dict[str, Sampler] = {
    "random": Random(),
    "TPE": TPE(n_startup_trials=BUDGET.random, group=True),
}
PRUNERS: dict[str, Pruner] = {"none": Never(), "halving": Halving(BUDGET.eta)}


@dataclass(frozen=True)
class Options:
    """What is compared."""

    whole: int = 15
    """Whole trials whose cost every rule may spend."""
    seeds: int = 2
    """Searches by each rule; their seeds are 0, 1, ..."""
    workers: int = 2
    """At a time."""
    out: Path | None = None
    """Folder for search_rules.csv."""


@dataclass(frozen=True)
class Found:
    """What one search came to."""

    trials: int
    pruned: int
    best: float
    """px"""
    seconds: float
    """On the simulated clock."""


def search(sampler: str, pruner: str, seed: int, options: Options, folder: Path) -> Found:
    """One search by one rule."""
    plan = TuningPlan(ModelSpace("lenet5"), "complete", BUDGET, Policy(), seed=0)
    design = plan.design("search")
    study = Study(
        StudyPlan(
            name=f"{sampler}, {pruner}, {seed}",
            space=plan.space.space,
            specs=lambda values: design.specs(plan.spec(values)),
            score=score,
            pruner=PRUNERS[pruner],
            proposals=Proposals(SAMPLERS[sampler], seed, BUDGET.lag),
            trials=100 * options.whole,
            looks=BUDGET.looks,
            steps_a_fit=BUDGET.epochs,
            seconds=options.whole * BUDGET.search_pairs * BUDGET.epochs,
        ),
        Storage(),
    )
    seconds = simulate([study], Fits(FitStore(folder), FACES.fingerprint), FACES, options.workers)
    trials = study.trials
    return Found(
        trials=len(trials),
        pruned=sum(trial.state == TrialState.PRUNED for trial in trials),
        best=min(trial.value or np.inf for trial in trials if trial.state == TrialState.COMPLETE),
        seconds=seconds,
    )


def score(results: Sequence[FitResult]) -> float:
    """A trial's, px."""
    return float(np.mean([result.rmse for result in results]))


def lowest() -> float:
    """The best score there is, px: all but the learning rate is without effect."""
    plan = TuningPlan(ModelSpace("lenet5"), "complete", BUDGET, Policy(), seed=0)
    spec = plan.spec_of({**plan.space.reference, "learning_rate": BEST_RATE, "early_stop": False})
    found = [outcome(each, FACES) for each in plan.design("search").specs(spec)]
    return score([each for each in found if isinstance(each, FitResult)])


def row(sampler: str, pruner: str, found: Sequence[Found]) -> dict[str, Any]:
    """A rule's, as means over its searches."""
    best = float(np.mean([each.best for each in found]))
    return {
        "sampler": sampler,
        "pruner": pruner,
        "trials": round(np.mean([each.trials for each in found])),
        "pruned": round(np.mean([each.pruned for each in found])),
        "best RMSE, px": best,
        "above the lowest, px": best - lowest(),
        "hours": float(np.mean([each.seconds for each in found])) / 3600,
    }


def main(options: Options) -> None:
    """Each sampler with each pruner."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="fkd-rules-") as folder:
        for sampler in SAMPLERS:
            for pruner in PRUNERS:
                stores = Path(folder) / f"{sampler}-{pruner}"
                found = [
                    search(sampler, pruner, seed, options, stores / str(seed))
                    for seed in range(options.seeds)
                ]
                rows.append(row(sampler, pruner, found))
    sheet = Sheet("search_rules", "Rules of search at equal worker hours, simulated", rows)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        sheet.write(options.out)
    Console().print(sheet.shown())


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
