"""Ridge and lasso: regressions on the members' predictions, shrunk as far as pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fkd_core.ensemble.stacking.base import Group, Stacker, against_mean, grouped_folds, rms
from fkd_core.ensemble.stacking.features import Array, Inputs, Standardiser, differences
from fkd_core.ensemble.stacking.linear import Linear


@dataclass(frozen=True)
class Ridge(Stacker):
    """What the plain mean leaves, regressed on how the members differ from it.

    Each coordinate may use every member's difference in every coordinate, and the other
    pipeline's predictions. The penalty, on the intercept as well, shrinks the whole to the plain
    mean, which the largest alpha (infinite) is. One alpha serves all coordinates (Hoerl and
    Kennard, "Ridge regression", Technometrics 12, 1970).
    """

    name: ClassVar[str] = "ridge"
    ALPHAS: ClassVar[tuple[float, ...]] = (*np.logspace(-4, 4, 33).tolist(), np.inf)

    seed: int = 0

    def _fit(self, inputs: Inputs, targets: Array, group: Group) -> Linear:
        table, left = differences(inputs), targets - inputs.mean
        squared = np.zeros(len(self.ALPHAS))
        for train, held in grouped_folds(group, self.seed):
            standard, path = self._path(table[train], left[train])
            z = _with_ones(standard.apply(table[held]))
            squared += [((left[held] - z @ coef) ** 2).sum() for coef in path]
        best = int(squared.argmin())
        standard, path = self._path(table, left)
        coef = path[best]
        return Linear(
            shape=np.array(inputs.shape),
            notes=(
                f"alpha {self.ALPHAS[best]:.3g} of {self.ALPHAS[0]:.0e} to infinity (the mean):"
                f" {against_mean(squared[best], left)}",
                standard.note,
            ),
            features="differences",
            about_mean=True,
            columns=standard.columns,
            centre=standard.mean,
            coef=coef[:-1] / standard.scale[:, None],
            intercept=coef[-1],
        )

    def _path(self, table: Array, left: Array) -> tuple[Standardiser, list[Array]]:
        """Coefficients [k + 1, P] of the standardised columns and the intercept at each alpha."""
        standard = Standardiser.fit(table)
        u, s, vt = np.linalg.svd(_with_ones(standard.apply(table)), full_matrices=False)
        across = u.T @ left
        return standard, [
            vt.T @ ((s / (s**2 + len(left) * alpha))[:, None] * across) for alpha in self.ALPHAS
        ]


def _with_ones(z: Array) -> Array:
    return np.hstack([z, np.ones((len(z), 1))])


@dataclass(frozen=True)
class Lasso(Stacker):
    """Each coordinate on the members' predictions of that coordinate alone, with an intercept.

    One alpha serves all coordinates (Tibshirani, "Regression shrinkage and selection via the
    lasso", Journal of the Royal Statistical Society B 58, 1996).
    """

    name: ClassVar[str] = "lasso"
    STEPS: ClassVar[int] = 25
    REACH: ClassVar[float] = 1e-5
    """Smallest alpha as a share of the largest useful one."""

    seed: int = 0

    def _fit(self, inputs: Inputs, targets: Array, group: Group) -> Linear:
        m, p, _ = inputs.shape
        z = inputs.own - inputs.own.mean(axis=0)
        z /= np.maximum(z.std(axis=0), 1e-9)
        y = targets - targets.mean(axis=0)
        largest = np.abs(np.einsum("nmp,np->mp", z, y)).max() / len(y)
        alphas = np.geomspace(largest, largest * self.REACH, self.STEPS) if largest else [1.0]

        squared = np.zeros(len(alphas))
        for train, held in grouped_folds(group, self.seed):
            for j in range(p):
                x, y = inputs.own[:, :, j], targets[:, j]
                standard, path = self._path(x[train], y[train], alphas)
                predicted = standard.apply(x[held]) @ path + y[train].mean()
                squared += ((y[held, None] - predicted) ** 2).sum(axis=0)
        best = int(squared.argmin())

        columns, centre, coef = [], [], np.zeros((0, p))
        for j in range(p):
            standard, path = self._path(inputs.own[:, :, j], targets[:, j], alphas[: best + 1])
            used = path[:, -1] != 0
            columns.append(standard.columns[used] * p + j)
            centre.append(standard.mean[used])
            rows = np.zeros((int(used.sum()), p))
            rows[:, j] = path[used, -1] / standard.scale[used]
            coef = np.vstack([coef, rows])
        return Linear(
            shape=np.array(inputs.shape),
            notes=(
                f"alpha {alphas[best]:.3g}, step {best + 1} of {len(alphas)}:"
                f" inner CV RMSE {rms(squared[best], targets):.4f} px",
                f"{len(coef)} of {m * p} coefficients are not zero",
            ),
            features="members",
            about_mean=False,
            columns=np.concatenate(columns),
            centre=np.concatenate(centre),
            coef=coef,
            intercept=targets.mean(axis=0),
        )

    @staticmethod
    def _path(x: Array, y: Array, alphas: Array | list[float]) -> tuple[Standardiser, Array]:
        """Coefficients [k, alphas] of the standardised columns of x [n, M]."""
        standard = Standardiser.fit(x)
        if not len(standard.columns):
            return standard, np.zeros((0, len(alphas)))
        z = standard.apply(x)
        from sklearn.linear_model import lasso_path  # takes a second

        path: Array = lasso_path(z, y - y.mean(), alphas=alphas, precompute=True)[1]
        return standard, path
