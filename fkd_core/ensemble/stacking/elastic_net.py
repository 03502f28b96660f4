"""A linear map to many targets that uses a feature for all of them or for none (elastic net).

    F(W) = ||Y - X W||^2 / (2 n) + l1 sum_j ||W_j|| + l2 / 2 ||W||^2
    l1 = alpha l1_ratio,  l2 = alpha (1 - l1_ratio);  X [n, f], Y [n, t], W [f, t], norms Euclidean

is scikit-learn's MultiTaskElasticNet without an intercept. Coordinate descent needs thousands of
passes where features are nearly collinear; Newton's method does not.

Three loops. The outermost lets a working set of features grow by those that violate the
conditions of optimality most (Massias, Gramfort and Salmon, "Celer: a fast solver for the Lasso
with dual extrapolation", 2018). The next finds proximal points, which pull towards the W before
them, ever less. The innermost finds one by semismooth Newton steps on its dual, which is smooth
(Li, Sun and Toh, "A highly efficient semismooth Newton augmented Lagrangian method for solving
Lasso problems", 2018; for groups Zhang, Zhang, Sun and Toh, "An efficient Hessian based
algorithm for solving large-scale sparse group Lasso problems", 2020).

A solve is many small matrix products: parallel solves on one BLAS thread each are far quicker
than BLAS threads that share their cores with anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.stacking.semismooth_newton import Array, Bound, Part, bound_of, norms

Index = NDArray[np.intp]

GROWTH = 100
"""Features a working set grows by at most, or by as many as W uses if these are more."""
PATIENCE = 6
"""Working sets in succession without a smaller gap before a solve gives up."""
WEAKEST_PULL = 1e-8
"""As a share of the features' mean square; the first pull is a hundredth of that."""


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solve found."""

    coef: Array
    """[f, t]."""
    objective: float
    """F(coef)."""
    gap: float
    """Upper bound of (F(coef) - min F) / F(0), from duality. scikit-learn's `tol` bounds half of
    it."""
    converged: bool
    """Whether `gap` is within the tolerance."""
    active: int
    """Rows of `coef` that are not zero."""


def solve(
    x: Array,
    y: Array,
    alpha: float,
    l1_ratio: float,
    *,
    start: Array | None = None,
    tolerance: float = 1e-6,
) -> Solution:
    """The minimum of F for features x [n, f] and targets y [n, t], begun at `start` [f, t].

    Raises ValueError for wrong shapes, numbers that are not finite, alpha or tolerance not above
    0, and l1_ratio outside (0, 1].
    """
    return _Problem(x, y).solve(alpha, l1_ratio, start, tolerance)


def path(
    x: Array, y: Array, alphas: Sequence[float], l1_ratio: float, *, tolerance: float = 1e-4
) -> Iterator[Solution]:
    """One solution an alpha, in their order, each begun at the last; quickest from large to small.

    Takes and raises what ``solve`` does, at once.
    """
    for alpha in alphas:
        _check(alpha, l1_ratio, tolerance)
    return _Problem(x, y).path(alphas, l1_ratio, tolerance)


def largest_alpha(x: Array, y: Array, l1_ratio: float) -> float:
    """The smallest alpha at which all of W is zero. Raises ValueError as ``solve`` does."""
    _check(1.0, l1_ratio, 1.0)
    return float(norms(_Problem(x, y).xy).max() / l1_ratio)


def _check(alpha: float, l1_ratio: float, tolerance: float) -> None:
    if not (0 < alpha < np.inf and 0 < l1_ratio <= 1 and tolerance > 0):
        raise ValueError(
            f"alpha {alpha} and tolerance {tolerance} must be above 0,"
            f" and l1_ratio {l1_ratio} in (0, 1]"
        )


def _used(coef: Array) -> Index:
    return np.flatnonzero(coef.any(axis=1))


class _Problem:
    """X and Y, with what solves for several alphas share."""

    def __init__(self, x: Array, y: Array) -> None:
        self.x, self.y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        shapes = (self.x.shape, self.y.shape)
        if any(len(shape) != 2 or 0 in shape for shape in shapes) or len(self.x) != len(self.y):
            raise ValueError(f"x [n, f] and y [n, t] are needed, not {shapes[0]} and {shapes[1]}")
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise ValueError("x and y must be finite")
        self.at_zero = float(np.vdot(self.y, self.y)) / (2 * len(self.y))
        self.scale = float(np.einsum("nf,nf->", self.x, self.x)) / self.x.size
        self.known = np.empty(0, np.intp)
        self.products = np.empty((0, 0))

    @cached_property
    def xy(self) -> Array:
        """X^T Y / n."""
        return self.x.T @ self.y / len(self.x)

    def gram(self, rows: Index) -> Array:
        """X_B^T X_B / n of the features B; no entry is computed twice."""
        new = np.setdiff1d(rows, self.known)
        if len(new):
            old = len(self.known)
            self.known = np.concatenate([self.known, new])
            added = self.x[:, self.known].T @ self.x[:, new] / len(self.x)
            self.products = np.block([[self.products, added[:old]], [added.T]])
        order = np.argsort(self.known)
        at = order[np.searchsorted(self.known, rows, sorter=order)]
        return self.products[np.ix_(at, at)]

    def path(
        self, alphas: Sequence[float], l1_ratio: float, tolerance: float
    ) -> Iterator[Solution]:
        """As the function of that name."""
        coef = None
        for alpha in alphas:
            solution = self.solve(alpha, l1_ratio, coef, tolerance)
            coef = solution.coef
            yield solution

    def solve(
        self, alpha: float, l1_ratio: float, start: Array | None, tolerance: float
    ) -> Solution:
        """As the function of that name."""
        _check(alpha, l1_ratio, tolerance)
        zero = np.zeros_like(self.xy)
        coef = zero if start is None else np.asarray(start, np.float64)
        if coef.shape != zero.shape or not np.isfinite(coef).all():
            raise ValueError(f"start must be finite and {zero.shape}, not {coef.shape}")
        if not self.at_zero:
            coef = zero
        l1, l2 = alpha * l1_ratio, alpha * (1 - l1_ratio)
        enough = tolerance * self.at_zero
        pull = self.scale / 100
        bound, slope = self._certify(coef, l1, l2)
        best, found, idle = bound, coef, 0
        while best.gap > enough and idle < PATIENCE:
            used = _used(coef)
            excess = norms(slope) - l1
            excess[used] = 0
            worst = np.argsort(-excess)[: max(GROWTH, len(used))]
            rows = np.union1d(used, worst[excess[worst] > 0])
            part = Part(self.gram(rows), self.xy[rows], self.at_zero, l1, l2)
            wanted = max(0.1 * bound.gap, 0.3 * enough)
            inner, pull = part.solve(coef[rows], wanted, pull, WEAKEST_PULL * self.scale)
            coef = zero.copy()
            coef[rows] = inner
            bound, slope = self._certify(coef, l1, l2)
            idle += 1
            if bound.gap < best.gap:
                best, found, idle = bound, coef, 0
        gap = best.gap / self.at_zero if self.at_zero else 0.0
        return Solution(found.copy(), best.objective, gap, best.gap <= enough, len(_used(found)))

    def _certify(self, coef: Array, l1: float, l2: float) -> tuple[Bound, Array]:
        """The bound at `coef`, and the slope it is from."""
        used = _used(coef)
        residual = self.y - self.x[:, used] @ coef[used]
        slope = self.x.T @ residual / len(self.x) - l2 * coef
        square = float(np.vdot(residual, residual)) / len(self.x)
        across = float(np.vdot(residual, self.y)) / len(self.x)
        return bound_of(coef, slope, square, across, l1, l2), slope
