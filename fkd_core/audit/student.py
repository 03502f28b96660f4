"""Multivariate Student distributions: fitted so that wrong rows hardly count, asked of parts.

Wrong labels are among the rows that a distribution of right ones is fitted to. Under Student's
distribution a far row has little weight, so a few of them move neither centre nor scatter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import gammaln

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_FREEDOMS = (2.0, 4.0, 8.0, 16.0)
_STEPS = 15


@dataclass(frozen=True, eq=False)
class Student:
    """Of d numbers."""

    centre: Array
    """[d]"""
    scatter: Array
    """[d, d]"""
    freedom: float
    """Lower ones have heavier tails."""


def fitted(rows: Array) -> Student:
    """The most likely distribution of rows [n, d], of which those with a NaN are left out.

    Expectation maximisation (Liu and Rubin, "ML estimation of the t distribution using EM and its
    extensions", Statistica Sinica 5, 1995) for each of some degrees of freedom. The scatter is
    shrunk towards its diagonal by d / (n + d), so that few rows still give a proper one.
    """
    rows = rows[np.isfinite(rows).all(axis=1)]
    n, d = rows.shape
    if n < 2:
        raise ValueError(f"{n} whole rows are too few to fit a distribution to")
    centre = np.median(rows, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(rows - centre), axis=0), 1e-3)
    best, found = -np.inf, Student(centre, np.diag(spread**2), _FREEDOMS[0])
    every = np.ones(rows.shape, np.bool_)
    for freedom in _FREEDOMS:
        now = Student(centre, np.diag(spread**2), freedom)
        for _ in range(_STEPS):
            off = rows - now.centre
            distance = (_solved(np.linalg.cholesky(now.scatter), off) ** 2).sum(axis=0)
            weight = (freedom + d) / (freedom + distance)
            middle = weight @ rows / weight.sum()
            off = rows - middle
            scatter = (off * weight[:, None]).T @ off / n
            kept = d / (n + d)
            scatter = (1 - kept) * scatter + kept * np.diag(np.diag(scatter))
            now = Student(middle, scatter + 1e-6 * np.eye(d), freedom)
        likely = log_density(now, rows - now.centre, every).sum()
        if likely > best:
            best, found = likely, now
    return found


def log_density(
    of: Student,
    off: Array,
    given: Mask,
    scale: Array | None = None,
    scatter: Array | None = None,
) -> Array:
    """[n] log density of what is `given` [n, d] of deviations from the centre `off` [n, d]; what
    is not given may be NaN. `scale` [n] widens the distribution, `scatter` [d, d] is in place of
    its own. d is 62 at most.

    A part of a Student vector is one too, with as many degrees of freedom.
    """
    scale = np.ones(len(off)) if scale is None else scale
    scatter = of.scatter if scatter is None else scatter
    codes = given @ (np.int64(1) << np.arange(off.shape[1]))
    found, free = np.zeros(len(off)), of.freedom
    for code in np.unique(codes[codes > 0]):
        mine = np.flatnonzero(codes == code)
        pattern = given[mine[0]]
        count = int(pattern.sum())
        root = np.linalg.cholesky(scatter[np.ix_(pattern, pattern)])
        solved = _solved(root, off[mine][:, pattern] / scale[mine, None])
        found[mine] = (
            gammaln((free + count) / 2)
            - gammaln(free / 2)
            - count / 2 * np.log(free * np.pi)
            - np.log(np.diag(root)).sum()
            - count * np.log(scale[mine])
            - (free + count) / 2 * np.log1p((solved**2).sum(axis=0) / free)
        )
    return found


def _solved(root: NDArray[np.floating], rows: Array) -> Array:
    """[d, n] of rows [n, d], in units of the scatter that this is the Cholesky root of."""
    return np.asarray(solve_triangular(root, rows.T, lower=True, check_finite=False))
