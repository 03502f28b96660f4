"""Which stacker to trust: honest cross-validation of each, and the plain mean until beaten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fkd_core.ensemble.stacking.base import Group, Job, Run, grouped_folds, in_turn
from fkd_core.ensemble.stacking.features import Array, Inputs
from fkd_core.ensemble.stacking.linear import Mean
from fkd_core.ensemble.stacking.stacker import Stacker
from fkd_core.evidence.pooled import Estimate, Pool, difference, rmse

ERROR = 0.05
"""Probability that any stacker looks better than the plain mean and is not."""


@dataclass(frozen=True, eq=False)
class Judged:
    """One stacker on faces that it was not fitted on."""

    name: str
    predictions: Array
    """[n, P] px, each by the fit that held the face's image group out."""
    rmse: Estimate
    """px, over labelled coordinates, with a 95% interval."""
    difference: Estimate | None
    """RMSE less that of the plain mean, px; negative is better. Its interval has level
    1 - ERROR / stackers tried besides the mean. None for the plain mean itself."""
    seconds: float
    """Time of all its fits."""

    @property
    def beats_mean(self) -> bool:
        """With confidence: the whole interval of the difference is below zero."""
        return self.difference is not None and self.difference.high < 0


def judge(
    stackers: Mapping[str, Stacker],
    inputs: Inputs,
    targets: Array,
    group: Group,
    *,
    folds: int = 5,
    seed: int = 0,
    run: Run = in_turn,
    on_done: Callable[[str, float], None] | None = None,
) -> list[Judged]:
    """Grouped cross-validation of every stacker on the same folds; the plain mean comes first.

    targets [n, P] px may be NaN where unlabelled: faces with all P labels train, and every face
    is predicted and scored by the labels it has. `run` does the fits of one stacker; `on_done`
    gets each name and its seconds. Raises ValueError where shapes differ, or there are too few
    image groups or labelled faces.
    """
    if targets.shape != inputs.mean.shape or targets.shape[1] % 2:
        raise ValueError(f"targets must be {inputs.mean.shape}, x and y, not {targets.shape}")
    stackers = {Mean.name: Mean()} | dict(stackers)
    level = 1 - ERROR / max(1, len(stackers) - 1)
    complete = np.flatnonzero(np.isfinite(targets).all(axis=1))
    splits = [
        (np.intersect1d(train, complete), held)
        for train, held in grouped_folds(group, seed, folds)
    ]
    truth = targets.reshape(len(targets), -1, 2)
    control: list[Pool] = []
    judged = []
    for name, stacker in stackers.items():
        jobs = [
            Job(stacker, inputs.take(train), targets[train], group[train]) for train, _ in splits
        ]
        predictions, seconds = np.empty_like(targets, np.float64), 0.0
        for (_, held), (fitted, spent) in zip(splits, run(jobs), strict=True):
            predictions[held] = fitted.predict(inputs.take(held))
            seconds += spent
        pools = [Pool.of_points(predictions.reshape(truth.shape), truth, group)]
        apart = difference(pools, control, level=level) if control else None
        control = control or pools
        judged.append(Judged(name, predictions, rmse(pools), apart, seconds))
        if on_done:
            on_done(name, seconds)
    return judged


def chosen(judged: Sequence[Judged]) -> Judged:
    """The lowest RMSE of those that beat the plain mean with confidence, or the plain mean.

    Raises ValueError where the plain mean was not judged.
    """
    winners = [one for one in judged if one.beats_mean]
    return min(winners, key=lambda one: one.rmse.value) if winners else _mean_of(judged)


def explained(judged: Sequence[Judged]) -> str:
    """One sentence: the choice, by how much it beats the plain mean, and who was near.

    Near is whoever's own interval of the difference to the mean has the choice's difference
    (the mean's is 0) inside it. Raises ValueError where the plain mean was not judged.
    """
    choice, mean = chosen(judged), _mean_of(judged)
    gained = choice.difference.value if choice.difference else 0.0
    near = [
        f"{one.name} ({one.difference.value:+.4f})"
        for one in judged
        if one is not choice
        and one.difference is not None
        and one.difference.low <= gained <= one.difference.high
    ]
    if choice.difference is None:
        said = f"{choice.name}, RMSE {mean.rmse.value:.4f} px: nothing beats it with confidence"
    else:
        d = choice.difference
        said = (
            f"{choice.name}, RMSE {choice.rmse.value:.4f} px:"
            f" {-d.value:.4f} px better than the plain mean's {mean.rmse.value:.4f}"
            f" (difference {d.low:+.4f} to {d.high:+.4f})"
        )
    return f"{said}; near: {', '.join(near) or 'none'}."


def _mean_of(judged: Sequence[Judged]) -> Judged:
    for one in judged:
        if one.difference is None:
            return one
    raise ValueError("the plain mean was not judged")
