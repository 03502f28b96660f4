"""Which of several models is best, by their ranks from fold to fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.evidence.pooled import Estimate

LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class Ranking:
    """Mean ranks over blocks of faces, and how far apart they must be to differ surely."""

    ranks: NDArray[np.float64]
    """[k] mean rank of each model; 1 is best in every block."""
    apart: float
    """Ranks that differ by more do so surely (Nemenyi's critical difference), all pairs
    together."""
    p: float
    """Of differences as large as these among models that are all alike (Friedman's test)."""
    blocks: int

    @property
    def intervals(self) -> list[Estimate]:
        """Each mean rank with bounds such that two models differ surely where theirs do not
        overlap."""
        half = self.apart / 2
        return [Estimate(rank, rank - half, rank + half) for rank in self.ranks.tolist()]


def ranking(errors: NDArray[np.floating]) -> Ranking:
    """Ranks models by their errors [blocks, k], the same faces in a block for all of them.

    Friedman's test with Nemenyi's comparison of all pairs, as Demšar has them (JMLR 7, 2006).
    Folds of one data set share training faces, so that the true error rate is somewhat above the
    5% of the test. Raises ValueError for less than two models or blocks.
    """
    blocks, k = errors.shape
    if blocks < 2 or k < 2:
        raise ValueError(f"{k} models in {blocks} blocks have no ranking; two of each are needed")
    from scipy.stats import chi2, rankdata, studentized_range  # takes a second

    ranks = rankdata(errors, axis=1).mean(axis=0)
    spread = 12 * blocks / (k * (k + 1)) * np.square(ranks - (k + 1) / 2).sum()
    q = studentized_range.ppf(1 - LEVEL, k, np.inf) / np.sqrt(2)
    apart = q * np.sqrt(k * (k + 1) / (6 * blocks))
    return Ranking(ranks, float(apart), float(chi2.sf(spread, k - 1)), blocks)
