"""Semismooth Newton steps for the multi-task elastic net on few features, and the duality gap.

Symbols are those of ``elastic_net``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

Array = NDArray[np.float64]

PROXIMAL_POINTS = 10
"""On one working set."""
NEWTON_STEPS = 30
"""Towards one proximal point."""
EASY_STEPS = 6
"""A proximal point that took no more lets the pull fall to a fifth."""


def norms(rows: Array) -> Array:
    norms: Array = np.sqrt(np.vecdot(rows, rows))
    return norms


@dataclass(frozen=True)
class Bound:
    """F at some W, and the duality gap: no W has less than `objective` - `gap`."""

    objective: float
    gap: float


def bound_of(
    coef: Array, slope: Array, square: float, across: float, l1: float, l2: float
) -> Bound:
    """From `slope` = X^T R / n - l2 W and R = Y - X W's products, over n, with itself and with Y.

    The l2 term is least squares too: n f more rows of X, sqrt(n l2) I, with targets 0. The dual
    point is the residual of all these rows, scaled to where no feature's slope is above l1.
    """
    square += l2 * float(np.vdot(coef, coef))
    objective = square / 2 + l1 * float(norms(coef).sum())
    steepest = float(norms(slope).max())
    scale = max(0.0, across / square) if square else 0.0
    scale = min(scale, l1 / steepest) if steepest else scale
    gap = objective - scale * across + scale**2 * square / 2
    return Bound(objective, max(0.0, gap) if np.isfinite(gap) else np.inf)


@dataclass(frozen=True, eq=False)
class Part:
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
        return bound_of(coef, slope - self.l2 * coef, square, across, self.l1, self.l2).gap

    def _proximal_point(self, origin: Array, pull: float) -> tuple[Array, int]:
        """The W with the least F + pull / 2 ||W - origin||^2, nearly, and Newton steps taken."""
        v, slope = origin, self.xy - self.gram @ origin
        curve = pull + self.l2
        for step in range(NEWTON_STEPS):
            z = pull * origin + slope
            length = norms(z)
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
            over = np.maximum(norms(z + size * bend) - self.l1, 0)
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
