"""What a search saves when it begins with the training of a sibling's winner.

    python benchmarks/warm_start.py --data FOLDER

For every seed: lenet5 is searched, then the target once cold and once begun from lenet5's best
training, with equal trials. Shown are the best RMSE on set search so far, trial by trial, and how
many trials the warm search needs to be as good as the cold one at its end. Searches are kept
below --results, so a rerun goes on.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Literal

import optuna
import tyro
from rich.console import Console

from fkd_core.data.demo import demo_folder
from fkd_core.data.kaggle import load_competition
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.store import FitStore
from fkd_core.progress import FitProgress
from fkd_core.protocols.tuned import Candidate
from fkd_core.protocols.tuning import Tuning
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.running.place import Place
from fkd_core.running.session import Session, session
from fkd_core.studies.ray_tune import run_studies
from fkd_core.studies.storage import open_storage
from search_spaces.augmentation import reference
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS, Budget


@dataclass(frozen=True)
class Options:
    """Options of this benchmark."""

    data: Path | None = None
    """The competition's files; without it, the demo faces."""
    results: Path = Path("results/warm_start")
    """Folder for what is kept."""
    sibling: str = "lenet5"
    """Searched first."""
    target: str = "conv5"
    """Searched cold and warm."""
    pipeline: Literal["complete", "partial"] = "complete"
    """Whose faces."""
    seeds: int = 3
    """Repetitions."""
    trials: int = 10
    """Of every search."""
    epochs: int = 6
    """Of every fit."""
    faces: int = 500
    """That may train."""


def best_so_far(tuning: Tuning) -> list[float]:
    """RMSE on set search, px, of the best whole trial up to each."""
    whole = optuna.trial.TrialState.COMPLETE  # a pruned one has a value too, its last
    ends = [t.value if t.state == whole else None for t in tuning.study.trials]
    return list(accumulate((math.inf if end is None else end for end in ends), min))


def winner(tuning: Tuning) -> Candidate:
    """The best trial, as a sibling for others."""
    whole = [t for t in tuning.study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    best = min(whole, key=lambda trial: trial.value or math.inf)
    value = best.value or math.inf
    spec = tuning.plan.spec_of(best.params)
    return Candidate(f"trial {best.number}", best.params, spec, value, 0.0, value, None)


def searched(
    options: Options,
    budget: Budget,
    seed: int,
    ray_session: Session,
    fits: Fits,
    progress: FitProgress,
) -> tuple[list[float], list[float]]:
    """Best so far of the cold search and of the warm one."""
    storage = open_storage(f"sqlite:///{(options.results / 'studies.db').resolve()}")

    def tuning(model: str, sibling: Candidate | None = None) -> Tuning:
        plan = TuningPlan(ModelSpace(model), options.pipeline, budget, reference(), seed)
        return Tuning(plan, ray_session, fits, storage, progress.done, sibling)

    first = tuning(options.sibling)
    run_studies(ray_session, [first.study], fits, progress.done)
    cold, warm = tuning(options.target), tuning(options.target, winner(first))
    # The sibling's best training may be the one a cold search begins with: then they are one.
    studies = {each.study.plan.name: each.study for each in (cold, warm)}
    run_studies(ray_session, list(studies.values()), fits, progress.done)
    return best_so_far(cold), best_so_far(warm)


def line(values: Sequence[float]) -> str:
    """Trial by trial."""
    return " ".join(f"{value:.3f}" for value in values)


def main(options: Options) -> None:
    """Prints three lines a seed, and the medians."""
    console = Console(highlight=False)
    options.results.mkdir(parents=True, exist_ok=True)
    cache = options.results / "cache"
    folder = options.data or demo_folder(cache / "demo")
    faces = load_competition(folder, cache / "faces").training
    fits = Fits(FitStore(options.results / "fits"), faces.fingerprint)
    budget = replace(
        BUDGETS["quick"], trials=options.trials, epochs=options.epochs, faces=options.faces
    )
    needed, gained = [], []
    with (
        FitProgress(console) as progress,
        session(faces, Place(cache / "copies"), watch=progress) as ray_session,
    ):
        for seed in range(options.seeds):
            progress.stage(f"seed {seed}")
            cold, warm = searched(options, budget, seed, ray_session, fits, progress)
            reached = next((i + 1 for i, v in enumerate(warm) if v <= cold[-1]), math.inf)
            needed.append(reached)
            gained.append(warm[-1] - cold[-1])
            console.print(f"  cold {line(cold)}\n  warm {line(warm)}")
            console.print(f"  warm is as good as cold's end after {reached} trials")
    console.print(
        f"{options.sibling} to {options.target}: median {statistics.median(needed)} of "
        f"{options.trials} trials to be as good as cold at its end; the best differs by "
        f"{statistics.median(gained):+.3f} px (median of {options.seeds})"
    )


if __name__ == "__main__":
    main(tyro.cli(Options))
