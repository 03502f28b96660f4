"""Which of several arms is the best, as a probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fkd_core.evidence.errors import FitErrors
from fkd_core.evidence.grouped import tabulate

_Array = NDArray[np.float64]


def probability_best(
    arms: Sequence[Sequence[FitErrors]], *, draws: int = 20_000, seed: int = 0
) -> list[float]:
    """Of every arm, that it has the lowest mean RMSE of them all; they sum to 1.

    The share of seeded draws in which it has. The arms' means are drawn together from Student's t
    with k - 1 degrees of freedom, centred where they were measured, with ``two_way``'s parts as
    covariances, so what befalls all arms alike (a hard face, an unlucky deal) decides nothing.
    With a flat prior that is the posterior.

    Unlike there, the covariance is no less than what the groups alone make. That gives no degrees
    of freedom here, and without it arms whose few fits agree by luck are called best too surely:
    of five simulated arms that differ by 1% or so, two to six fits each, the logarithm of what was
    said of the truly best one was lower in all 20 designs, at two fits by 0.8 to 1.1 (noise as in
    ``benchmarks/calibrate_evidence.py``).

    Raises ValueError where the arms' fits, in order, are not of the same faces, or are under 2.
    """
    table = tabulate(arms)
    values, moves = table.rmse, table.moves
    k = values.shape[1]
    if k < 2:
        raise ValueError(f"a comparison needs 2 pairs or more, not {k}")
    once = moves.sum(axis=1) / k
    groups = once @ once.T
    shared = groups - np.einsum("aig,big->ab", moves, moves) / k**2
    whole = np.cov(values) / k + _no_less_than_nothing(shared) * k / (k - 1)
    root = _root(groups + _no_less_than_nothing(whole - groups))
    random = np.random.default_rng(seed)
    away = random.standard_normal((draws, len(values))) @ root.T
    away *= np.sqrt((k - 1) / random.chisquare(k - 1, (draws, 1)))
    first = np.argmin(values.mean(axis=1) + away, axis=1)
    return [float(np.mean(first == arm)) for arm in range(len(values))]


def _no_less_than_nothing(matrix: _Array) -> _Array:
    """The nearest matrix that is a covariance."""
    size, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.maximum(size, 0)) @ axes.T)


def _root(covariance: _Array) -> _Array:
    size, axes = np.linalg.eigh(covariance)
    return np.asarray(axes * np.sqrt(np.maximum(size, 0)))
