"""Simulated held-out errors with a known true effect, for the tests of the evidence."""

from __future__ import annotations

import numpy as np

from fkd_core.evidence import FitErrors


def simulate(
    random: np.random.Generator,
    *,
    effect: float = 0.0,
    folds: int = 1,
    seeds: int = 5,
    groups: int = 60,
    between_fits: float = 0.02,
    between_groups: float = 0.3,
    within: float = 0.02,
) -> tuple[list[FitErrors], list[FitErrors]]:
    """Treatment and control whose RMSE truly differ by `effect` px; the control's is 1 px.

    Faces differ in difficulty, fits by `between_fits` px, groups react to the treatment each in
    its own way (`between_groups`, relative), and `within` is what is left for one face in one fit.
    """
    treatment: list[FitErrors] = []
    control: list[FitErrors] = []
    for fold in range(folds):
        group = np.arange(groups, dtype=np.uint64) + np.uint64(fold * groups)
        difficulty = _around_one(random, 0.8, groups)
        reaction = _around_one(random, between_groups, groups)
        for seed in range(seeds):
            for arm, rmse, own in ((control, 1.0, 1.0), (treatment, 1.0 + effect, reaction)):
                level = (rmse + random.normal(0, between_fits)) ** 2
                mse = level * difficulty * own * _around_one(random, within, groups)
                arm.append(errors(fold, seed, mse * 30, group=group))
    return treatment, control


def errors(
    fold: int,
    seed: int,
    squared: np.ndarray,
    *,
    group: np.ndarray | None = None,
    count: int = 30,
    train_faces: int = 200,
    train_rmse: float = 0.4,
    half_rmse: float = 1.2,
) -> FitErrors:
    squared = np.asarray(squared, np.float64)
    n = len(squared)
    return FitErrors(
        fold=fold,
        seed=seed,
        group=np.arange(n, dtype=np.uint64) if group is None else group,
        squared=squared,
        count=np.full(n, count),
        train_faces=train_faces,
        train_rmse=train_rmse,
        half_rmse=half_rmse,
    )


def _around_one(random: np.random.Generator, spread: float, n: int) -> np.ndarray:
    return np.exp(random.normal(-(spread**2) / 2, spread, n))
