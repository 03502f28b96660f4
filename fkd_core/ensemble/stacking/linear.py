"""What is linear in some table of columns, and the two plainest stackers of that kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from fkd_core.ensemble.stacking.base import Fitted, Group, Stacker
from fkd_core.ensemble.stacking.features import FEATURES, Array, Inputs


@dataclass(frozen=True, eq=False)
class Linear(Fitted):
    """intercept + (columns - centre) @ coef, on top of the members' mean or not."""

    kind: ClassVar[str] = "linear"

    features: str
    """Which table of FEATURES the columns are of."""
    about_mean: bool
    """Whether the plain mean over members is added."""
    columns: NDArray[np.int64]
    """[k] columns of the table that count."""
    centre: Array
    """[k]"""
    coef: Array
    """[k, P] px per unit of the column."""
    intercept: Array
    """[P] px."""

    def __post_init__(self) -> None:
        self._require()
        if self.features not in FEATURES or not isinstance(self.about_mean, bool):
            raise ValueError(f"linear: unknown features {self.features!r} or about_mean")
        m, p, e = self.shape.tolist()
        one = FEATURES[self.features](Inputs(np.zeros((1, m, p)), np.zeros((1, e))))
        self._require_columns(self.columns, one.shape[1])
        k = len(self.columns)
        self._require(centre=(k,), coef=(k, p), intercept=(p,))

    def _predict(self, inputs: Inputs) -> Array:
        base = inputs.mean if self.about_mean else np.zeros(())
        table = FEATURES[self.features](inputs)[:, self.columns]
        return base + ((table - self.centre) @ self.coef + self.intercept)


@dataclass(frozen=True)
class Mean(Stacker):
    """The plain mean over the pipeline's own members: nothing is fitted."""

    name: ClassVar[str] = "mean"

    def _fit(self, inputs: Inputs, targets: Array, group: Group) -> Linear:
        p = inputs.shape[1]
        return Linear(
            shape=np.array(inputs.shape),
            notes=(),
            features="members",
            about_mean=True,
            columns=np.empty(0, np.int64),
            centre=np.empty(0),
            coef=np.empty((0, p)),
            intercept=np.zeros(p),
        )


@dataclass(frozen=True)
class Weights(Stacker):
    """One weight a member, not negative, sum 1, shared by all coordinates; least squares.

    Convex stacking (Breiman, "Stacked regressions", Machine Learning 24, 1996).
    """

    name: ClassVar[str] = "weights"

    def _fit(self, inputs: Inputs, targets: Array, group: Group) -> Linear:
        m, p, _ = inputs.shape
        # With weights of sum 1 the error is `apart @ w`. A soft row "sum = 1" only scales the
        # minimum, so that the constraint holds exactly after division by the sum.
        apart = (targets[:, None] - inputs.own).transpose(0, 2, 1).reshape(-1, m)
        triangle: Array = np.linalg.qr(apart).R
        soft = np.sqrt((triangle**2).sum() / m) or 1.0
        system = np.vstack([triangle, np.full((1, m), soft)])
        weights, _ = nnls(system, np.append(np.zeros(len(triangle)), soft))
        weights /= weights.sum()
        return Linear(
            shape=np.array(inputs.shape),
            notes=("weights " + ", ".join(f"{weight:.3f}" for weight in weights),),
            features="members",
            about_mean=False,
            columns=np.arange(m * p),
            centre=np.zeros(m * p),
            coef=np.kron(weights[:, None], np.eye(p)),
            intercept=np.zeros(p),
        )
