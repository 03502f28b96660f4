"""Where the noise of a comparison comes from, and what it lets a study see.

The error of fit i on face g, px a coordinate, is taken to be

    difficulty_g x (1 + effect + fit_i + deal + reaction_g + cell_ig)

All parts are shares of a face's own error. ``Components`` says how large each is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.evidence.errors import FitErrors
from fkd_core.evidence.grouped import tabulate


@dataclass(frozen=True)
class Components:
    """Deviations of the parts. The defaults are those of quiet augmentations on the search's probe
    with preset quick, rounded up: see docs/evidence.md."""

    rmse: float = 2.9
    """Of a fit, px."""
    difficulty: float = 0.3
    """Of the logarithm of faces' errors: some are much harder than others."""
    fit: float = 0.008
    """Of one fit as a whole, by its seed."""
    cell: float = 0.107
    """Of one fit on one face: 0.31 px of 2.9."""
    tails: float = 4.0
    """Degrees of freedom of the t by which cells scatter: small ones are heavy tails."""
    reaction: float = 0.0
    """Of one face under a treatment that changes nothing on average."""
    deal: float = 0.0
    """Of a treatment on one deal of the training faces."""

    @property
    def uneven(self) -> float:
        """How many times fewer faces count than there are, since hard ones weigh more:
        E[d^4] / E[d^2]^2 of a log-normal difficulty d."""
        return float(np.exp(4 * self.difficulty**2))

    def variances(self, groups: int, pairs: int, folds: int) -> tuple[float, float]:
        """Of an effect, px^2: what only more pairs lower, and what only more faces do."""
        seeds = pairs / folds
        of_fits = (2 * self.fit**2 + self.deal**2) / pairs
        of_cells = 2 * self.cell**2 * self.uneven / (seeds * groups)
        of_groups = self.reaction**2 * self.uneven / groups
        return self.rmse**2 * (of_fits + of_cells), self.rmse**2 * of_groups

    def power(self, effect: float, groups: int, pairs: int, folds: int, alpha: float) -> float:
        """Probability that a true effect (px) is found at this level."""
        from scipy import stats  # takes a second

        of_fits, of_groups = self.variances(groups, pairs, folds)
        variance = of_fits + of_groups
        freedom = variance**2 / (of_fits**2 / (pairs - 1) + of_groups**2 / (groups - 1))
        beyond = float(stats.t.isf(alpha / 2, freedom))
        return float(stats.nct.sf(beyond, freedom, abs(effect) / np.sqrt(variance)))


def estimate(treatment: Sequence[FitErrors], control: Sequence[FitErrors]) -> Components:
    """The components of two arms whose fits, in order, hold out the same faces.

    Of parts that both arms have, each gets half the variance of the difference. What the fits do
    to a face in common is its reaction; deals cannot be told from fits and count as these.

    Raises ValueError where arms do not match, or no face is held out by two fits.
    """
    table = tabulate([treatment, control])
    held = (table.count > 0) & (table.squared > 0).all(axis=0)
    often = held.sum(axis=0)
    if often.max() < 2:
        raise ValueError("components need faces that two fits or more hold out")
    rmse, groups = table.rmse, often > 0
    mse = np.ones(len(often))
    mse[groups] = table.squared.sum(axis=(0, 1))[groups] / (2 * table.count.sum(axis=0)[groups])
    # What a face weighs in a fit's RMSE, px for a whole share of its own error.
    size = held * table.count / table.count.sum(axis=1)[:, None] * mse / rmse.mean()
    safe = np.where(held, table.squared, 1.0)
    share = np.log(safe[0] / safe[1]) / 2
    share = np.where(held, share - _weighted(share, size), 0.0)
    twice = often >= 2
    mean = share.sum(axis=0)[twice] / often[twice]
    apart = np.where(held, share, np.nan)[:, twice] - mean
    within = np.nansum(apart**2, axis=0) / (often[twice] - 1)
    weight = (size**2).sum(axis=0)[twice]
    cells = float(np.average(within, weights=weight))
    reaction = float(np.average(mean**2 - within / often[twice], weights=weight))
    differences = (rmse[0] - rmse[1]) / rmse.mean()
    of_faces = float((size**2).sum(axis=1).mean()) / rmse.mean() ** 2
    fits = float(differences.var(ddof=1)) - (cells + max(0.0, reaction)) * of_faces
    from scipy.stats import kurtosis  # takes a second

    excess = float(kurtosis(apart[np.isfinite(apart)] / np.sqrt(cells)))
    return Components(
        rmse=float(rmse.mean()),
        difficulty=float(np.log(np.sqrt(mse[groups])).std()),
        fit=float(np.sqrt(max(0.0, fits) / 2)),
        cell=float(np.sqrt(cells / 2)),
        tails=4 + 6 / excess if excess > 0 else 100.0,
        reaction=float(np.sqrt(max(0.0, reaction))),
    )


def _weighted(share: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.float64]:
    """[k, 1] mean share of each fit."""
    return np.asarray((share * size).sum(axis=1) / size.sum(axis=1))[:, None]
