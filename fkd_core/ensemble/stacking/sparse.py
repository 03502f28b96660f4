"""Multi-task elastic net on the members' predictions and their pairwise products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fkd_core.ensemble.stacking import elastic_net
from fkd_core.ensemble.stacking.base import Group, Stacker, grouped_folds, rms
from fkd_core.ensemble.stacking.features import Array, Inputs, Standardiser, products
from fkd_core.ensemble.stacking.linear import Linear


@dataclass(frozen=True, eq=False)
class _Split:
    """One inner fold: standardised columns, and targets less their training mean."""

    z: Array
    y: Array
    held_z: Array
    held_y: Array


@dataclass(frozen=True)
class ElasticNet(Stacker):
    """All coordinates at once, sparse in whole columns, towards the targets' training mean.

    Whatever of `alpha` and `l1_ratio` is None is chosen by grouped cross-validation: for each
    l1_ratio, alpha falls from where all is zero, in all folds together, until the mean error has
    not fallen for PATIENCE steps (Zou and Hastie, "Regularization and variable selection via the
    elastic net", Journal of the Royal Statistical Society B 67, 2005).
    """

    name: ClassVar[str] = "elastic_net"
    L1_RATIOS: ClassVar[tuple[float, ...]] = (0.5, 1.0)
    FOLDS: ClassVar[int] = 3
    STEPS: ClassVar[int] = 12
    REACH: ClassVar[float] = 1e-3
    """Smallest alpha as a share of the largest useful one."""
    PATIENCE: ClassVar[int] = 2
    TOLERANCE: ClassVar[float] = 1e-6
    """Relative duality gap of the fit that is kept."""

    alpha: float | None = None
    l1_ratio: float | None = None
    standardise: bool = True
    """Whether columns get unit variance; they are centred in any case."""
    seed: int = 0

    def _fit(self, inputs: Inputs, targets: Array, group: Group) -> Linear:
        table = products(inputs)
        standard = Standardiser.fit(table, scaled=self.standardise)
        z, mean = standard.apply(table), targets.mean(axis=0)
        y = targets - mean
        if np.abs(z.T @ y).max(initial=0.0) > 0:
            alphas, l1_ratio, chosen = self._chosen(z, y, table, targets, group)
            coef, reached = self._solved(z, y, alphas, l1_ratio)
            notes = [*chosen, *reached]
        else:
            coef = np.zeros((z.shape[1], y.shape[1]))
            notes = ["nothing to learn from: the prediction is the targets' mean"]
        active = np.flatnonzero(coef.any(axis=1))
        return Linear(
            shape=np.array(inputs.shape),
            notes=(*notes, f"{len(active)} active rows", standard.note),
            features="products",
            about_mean=False,
            columns=standard.columns[active],
            centre=standard.mean[active],
            coef=coef[active] / standard.scale[active, None],
            intercept=mean,
        )

    def _chosen(
        self, z: Array, y: Array, table: Array, targets: Array, group: Group
    ) -> tuple[list[float], float, list[str]]:
        """Falling alphas that end in the chosen one, the chosen l1_ratio, and notes."""
        ratios = self.L1_RATIOS if self.l1_ratio is None else (self.l1_ratio,)
        if self.alpha is not None and len(ratios) == 1:
            return [self.alpha], ratios[0], [f"alpha {self.alpha}, l1_ratio {ratios[0]}"]
        splits = self._splits(table, targets, group)
        best, ratio = np.inf, ratios[0]
        found: list[float] = []
        for candidate in ratios:
            alphas = self._alphas(z, y, candidate)
            squared = self._errors(splits, alphas, candidate)
            if min(squared) < best:
                best, ratio = min(squared), candidate
                found = alphas[: 1 + int(np.argmin(squared))]
        notes = [
            f"alpha {found[-1]:.3g}, l1_ratio {ratio}:"
            f" inner CV RMSE {rms(best, targets):.4f} px, {len(found)} steps down the path"
        ]
        if len(found) == self.STEPS:
            notes.append("alpha is the smallest of the path: a smaller one may be better")
        return found, ratio, notes

    def _alphas(self, z: Array, y: Array, l1_ratio: float) -> list[float]:
        if self.alpha is not None:
            return [self.alpha]
        largest = elastic_net.largest_alpha(z, y, l1_ratio)
        steps = np.linspace(0, 1, self.STEPS)
        return [float(alpha) for alpha in largest * self.REACH**steps]

    def _splits(self, table: Array, targets: Array, group: Group) -> list[_Split]:
        splits = []
        for train, held in grouped_folds(group, self.seed, self.FOLDS):
            standard = Standardiser.fit(table[train], scaled=self.standardise)
            mean = targets[train].mean(axis=0)
            splits.append(
                _Split(
                    standard.apply(table[train]),
                    targets[train] - mean,
                    standard.apply(table[held]),
                    targets[held] - mean,
                )
            )
        return splits

    def _errors(
        self, splits: Sequence[_Split], alphas: Sequence[float], l1_ratio: float
    ) -> list[float]:
        """Held-out squared error summed over all splits, at each alpha until patience ends."""
        squared: list[float] = []
        paths = [elastic_net.path(split.z, split.y, alphas, l1_ratio) for split in splits]
        for solutions in zip(*paths, strict=True):
            squared.append(
                sum(
                    float(((split.held_y - split.held_z @ solution.coef) ** 2).sum())
                    for split, solution in zip(splits, solutions, strict=True)
                )
            )
            if len(squared) - 1 - int(np.argmin(squared)) >= self.PATIENCE:
                break
        return squared

    def _solved(
        self, z: Array, y: Array, alphas: Sequence[float], l1_ratio: float
    ) -> tuple[Array, list[str]]:
        """Coefficients at the last alpha, come to down the path, and how near the optimum."""
        start = None
        for solution in elastic_net.path(z, y, alphas, l1_ratio):
            start = solution.coef
        solution = elastic_net.solve(
            z, y, alphas[-1], l1_ratio, start=start, tolerance=self.TOLERANCE
        )
        gap = f"relative duality gap {solution.gap:.1e}"
        if not solution.converged:
            gap = f"NOT CONVERGED: {gap}, {solution.gap / self.TOLERANCE:.0f} times the tolerance"
        return solution.coef, [gap]
