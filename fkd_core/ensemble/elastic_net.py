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
from scipy.linalg import blas, lapack

Array = NDArray[np.float64]
Index = NDArray[np.intp]

GROWTH = 100
"""Features a working set grows by at most, or by as many as W uses if these are more."""
PATIENCE = 6
"""Working sets in succession without a smaller gap before a solve gives up."""
PROXIMAL_POINTS = 10
"""On one working set."""
NEWTON_STEPS = 30
"""Towards one proximal point."""
EASY_STEPS = 6
"""A proximal point that took no more lets the pull fall to a fifth."""
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
    return float(_norms(_Problem(x, y).xy).max() / l1_ratio)


def _check(alpha: float, l1_ratio: float, tolerance: float) -> None:
    if not (0 < alpha < np.inf and 0 < l1_ratio <= 1 and tolerance > 0):
        raise ValueError(
            f"alpha {alpha} and tolerance {tolerance} must be above 0,"
            f" and l1_ratio {l1_ratio} in (0, 1]"
        )


def _norms(rows: Array) -> Array:
    norms: Array = np.sqrt(np.vecdot(rows, rows))
    return norms


def _used(coef: Array) -> Index:
    return np.flatnonzero(coef.any(axis=1))


@dataclass(frozen=True)
class _Bound:
    """F at some W, and the duality gap: no W has less than `objective` - `gap`."""

    objective: float
    gap: float


def _bound(
    coef: Array, slope: Array, square: float, across: float, l1: float, l2: float
) -> _Bound:
    """From `slope` = X^T R / n - l2 W and R = Y - X W's products, over n, with itself and with Y.

    The l2 term is least squares too: n f more rows of X, sqrt(n l2) I, with targets 0. The dual
    point is the residual of all these rows, scaled to where no feature's slope is above l1.
    """
    square += l2 * float(np.vdot(coef, coef))
    objective = square / 2 + l1 * float(_norms(coef).sum())
    steepest = float(_norms(slope).max())
    scale = max(0.0, across / square) if square else 0.0
    scale = min(scale, l1 / steepest) if steepest else scale
    return _Bound(objective, max(0.0, objective - scale * across + scale**2 * square / 2))


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
            excess = _norms(slope) - l1
            excess[used] = 0
            worst = np.argsort(-excess)[: max(GROWTH, len(used))]
            rows = np.union1d(used, worst[excess[worst] > 0])
            part = _Part(self.gram(rows), self.xy[rows], self.at_zero, l1, l2)
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

    def _certify(self, coef: Array, l1: float, l2: float) -> tuple[_Bound, Array]:
        """The bound at `coef`, and the slope it is from."""
        used = _used(coef)
        residual = self.y - self.x[:, used] @ coef[used]
        slope = self.x.T @ residual / len(self.x) - l2 * coef
        square = float(np.vdot(residual, residual)) / len(self.x)
        across = float(np.vdot(residual, self.y)) / len(self.x)
        return _bound(coef, slope, square, across, l1, l2), slope


@dataclass(frozen=True, eq=False)
class _Part:
    """The problem on b features alone, from their Gram matrix [b, b]: its cost is free of n.

    A dual point is Y - X V for some V; it is kept as the slope X^T (Y - X V) / n = xy - gram V.
    """

    gram: Array
    xy: Array
    at_zero: float
    l1: float
    l2: float

    def solve(
        self, coef: Array, enough: float, pull: float, weakest: float
    ) -> tuple[Array, float]:
        """W [b, t] with at most the gap `enough` where that is reached, and the last pull."""
        for _ in range(PROXIMAL_POINTS):
            coef, steps = self._proximal_point(coef, pull)
            if self._gap(coef) <= enough:
                break
            if steps <= EASY_STEPS:
                pull = max(pull / 5, weakest)
        return coef, pull

    def _gap(self, coef: Array) -> float:
        slope = self.xy - self.gram @ coef
        across = 2 * self.at_zero - float(np.vdot(coef, self.xy))
        square = across - float(np.vdot(coef, slope))
        return _bound(coef, slope - self.l2 * coef, square, across, self.l1, self.l2).gap

    def _proximal_point(self, origin: Array, pull: float) -> tuple[Array, int]:
        """The W with the least F + pull / 2 ||W - origin||^2, nearly, and Newton steps taken."""
        v, slope = origin, self.xy - self.gram @ origin
        curve = pull + self.l2
        for step in range(NEWTON_STEPS):
            z = pull * origin + slope
            length = _norms(z)
            on = np.flatnonzero(length * (1 - 1e-12) > self.l1)
            kept = 1 - self.l1 / length[on]
            coef = np.zeros_like(origin)
            coef[on] = z[on] * (kept / curve)[:, None]
            across = self.gram[on]
            error = self.xy - slope - across.T @ coef[on]
            moved = coef - origin
            if np.vdot(v - coef, error) <= pull / 16 * np.vdot(moved, moved):
                return coef, step
            newton = _newton(across[:, on], error[on], kept, z[on] / length[on, None], curve)
            turn = coef - v
            turn[on] += newton
            bend = error - across.T @ newton
            size = self._step_size(v, turn, z, bend, curve)
            v = v + size * turn
            slope = slope + size * bend
        return coef, NEWTON_STEPS

    def _step_size(self, v: Array, turn: Array, z: Array, bend: Array, curve: float) -> float:
        """1 halved until V + size `turn`, whose slope `bend` turns, makes the dual enough less."""
        linear, square = float(np.vdot(v, bend)), float(np.vdot(turn, bend)) / 2

        def dual(size: float) -> float:
            over = np.maximum(_norms(z + size * bend) - self.l1, 0)
            return float(over @ over) / (2 * curve) - size * (linear + size * square)

        begin, size = dual(0), 1.0
        while size > 1e-6 and dual(size) > begin * (1 + 1e-13) + 2e-4 * size * square:
            size /= 2
        return size


def _newton(gram: Array, error: Array, kept: Array, unit: Array, curve: float) -> Array:
    """E [k, t] of the k rows in use: (H + gram) E = error, where H is block diagonal.

    H's block of row j is curve / kept_j I less curve (1 / kept_j - 1) u_j u_j^T, with u_j = unit
    row j. But for these rank-one terms all targets share one [k, k] matrix. By the formula of
    Woodbury the terms then take one more such matrix, instead of one of [k t, k t].
    """
    if not len(error):
        return error
    root = np.sqrt(kept / curve)
    shared = gram * root * root[:, None]
    shared[np.diag_indices_from(shared)] += 1
    factor, _ = lapack.dpotrf(shared.T, lower=1, clean=0, overwrite_a=1)
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    terms = (unit @ unit.T).T
    terms *= -inverse
    terms[np.diag_indices_from(terms)] += 1 / (1 - kept) + 1e-13
    factor, failed = lapack.dpotrf(terms, lower=1, clean=0, overwrite_a=1)
    result = blas.dsymm(1.0, inverse, root[:, None] * error, lower=1)
    if not failed:
        weight, _ = lapack.dpotrs(factor, np.vecdot(unit, result), lower=1)
        result += blas.dsymm(1.0, inverse, weight[:, None] * unit, lower=1)
    return np.ascontiguousarray(root[:, None] * result)
