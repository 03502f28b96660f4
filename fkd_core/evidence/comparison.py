"""How much an arm differs from the control, and how sure that is.

Both arms hold out the same faces with the same seeds, so every number here comes from paired
differences, and from one table: the squared errors of each fit in each image group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from fkd_core.evidence.errors import FitErrors
from fkd_core.evidence.grouped import GroupedErrors, tabulate, variance_of_groups


@dataclass(frozen=True)
class Comparison:
    """A treatment against its control. Effects are in px of RMSE; negative ones help."""

    effect: float
    """Mean over pairs of (treatment RMSE - control RMSE)."""
    se: float
    """Two-component standard error of the effect."""
    low: float
    """Lower end of the 95% interval."""
    high: float
    """Upper end of the 95% interval."""
    low90: float
    """Lower end of the 90% interval."""
    high90: float
    """Upper end of the 90% interval."""
    p: float
    """Two-sided, of effect / se against t with pairs - 1 degrees of freedom."""
    p_nadeau_bengio: float
    """Two-sided, of the corrected resampled t-test."""
    pairs: int
    """Matched (fold, seed) pairs."""
    control_rmse: float
    """Mean over pairs, px."""
    treatment_rmse: float
    """Mean over pairs, px."""
    control_train_rmse: float
    """Mean over pairs of the control's RMSE on its training faces, px."""
    half_effect: float
    """The effect at half length, px; NaN where it was not measured."""
    differences: tuple[float, ...]
    """Treatment RMSE - control RMSE of each pair, by (fold, seed)."""


def compare(
    treatment: Sequence[FitErrors],
    control: Sequence[FitErrors],
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compares two arms on identical (fold, seed) pairs.

    The primary test divides the mean difference by a two-component standard error: the variance
    of the differences between fits / k, plus the variance between image groups / N, where each
    group counts once with its linearised influence averaged over the fits that held it out. It
    takes k - 1 degrees of freedom. Beside it stands the corrected resampled t-test (Nadeau and
    Bengio, "Inference for the generalization error", Machine Learning 52, 2003).

    Intervals are percentiles of `draws` seeded resamplings of image groups, with fits nested.

    Raises ValueError where pairs do not match, hold out different faces, or are under 2.
    """
    treated, controls = _by_pair(treatment, "treatment"), _by_pair(control, "control")
    if treated.keys() != controls.keys():
        odd = sorted(treated.keys() ^ controls.keys())
        raise ValueError(f"arms must have identical (fold, seed) pairs; only in one arm: {odd}")
    if len(treated) < 2:
        raise ValueError(f"a comparison needs 2 pairs or more, not {len(treated)}")
    order = sorted(treated)
    arms = [treated[pair] for pair in order], [controls[pair] for pair in order]
    table = tabulate(*arms)
    k, groups = table.count.shape

    differences = table.differences(np.ones((groups, 1)))[:, 0]
    effect = float(differences.mean())
    between_fits = float(differences.var(ddof=1))
    se = float(np.sqrt(between_fits / k + variance_of_groups(table)))
    ratio = np.mean([len(fit.group) / fit.train_faces for fit in arms[1]])
    (low, high), (low90, high90) = _intervals(table, effect, (0.95, 0.90), draws, seed)
    return Comparison(
        effect=effect,
        se=se,
        low=low,
        high=high,
        low90=low90,
        high90=high90,
        p=_two_sided(effect, se, k - 1),
        p_nadeau_bengio=_two_sided(effect, np.sqrt((1 / k + ratio) * between_fits), k - 1),
        pairs=k,
        control_rmse=float(np.mean([fit.rmse for fit in arms[1]])),
        treatment_rmse=float(np.mean([fit.rmse for fit in arms[0]])),
        control_train_rmse=float(np.mean([fit.train_rmse for fit in arms[1]])),
        half_effect=float(
            np.mean([t.half_rmse - c.half_rmse for t, c in zip(*arms, strict=True)])
        ),
        differences=tuple(differences.tolist()),
    )


def rmse_interval(fits: Sequence[FitErrors]) -> tuple[float, float, float]:
    """Mean held-out RMSE of one arm and its 95% interval, px: compared with no error at all.

    Raises ValueError where there are under 2 fits.
    """
    perfect = [replace(fit, squared=np.zeros_like(fit.squared)) for fit in fits]
    comparison = compare(fits, perfect)
    return comparison.effect, max(0.0, comparison.low), comparison.high


def _by_pair(arm: Sequence[FitErrors], name: str) -> dict[tuple[int, int], FitErrors]:
    pairs = {(fit.fold, fit.seed): fit for fit in arm}
    if len(pairs) != len(arm):
        raise ValueError(f"the {name} has two fits of the same (fold, seed)")
    return pairs


def _intervals(
    table: GroupedErrors, effect: float, levels: Sequence[float], draws: int, seed: int
) -> list[tuple[float, float]]:
    """Percentile intervals of the effect at each level.

    Each draw takes image groups with replacement over the whole set, and within each fold its
    fits with replacement (all fits as one set where a fold has a single fit). The fits' part is
    widened twice, or a few of them would be trusted too much: by sqrt(k / (k - 1)), because k
    things drawn from themselves vary too little, and by the ratio of Student's to the normal
    quantile (Hesterberg, "What teachers should know about the bootstrap", The American
    Statistician 69, 2015). Draws that leave a fit without faces are left out.
    """
    random = np.random.default_rng(seed)
    k, groups = table.count.shape
    weights = random.multinomial(groups, np.full(groups, 1 / groups), draws).T.astype(np.float64)
    differences = table.differences(weights)  # [k, draws]
    differences = differences[:, np.isfinite(differences).all(axis=0)]
    draws = differences.shape[1]
    if draws == 0:
        return [(-np.inf, np.inf)] * len(levels)

    stratum = np.unique(table.fold, return_inverse=True)[1]
    if np.bincount(stratum).min() < 2:
        stratum = np.zeros(k, np.intp)
    strata = [np.flatnonzero(stratum == s) for s in range(stratum.max() + 1)]
    from_fits = np.zeros(draws)
    for members in strata:
        size = len(members)
        chosen = random.multinomial(size, np.full(size, 1 / size), draws).T  # [size, draws]
        apart = ((chosen - 1) * differences[members]).sum(axis=0) / k
        from_fits += np.sqrt(size / (size - 1)) * apart
    from_groups = differences.mean(axis=0)

    intervals = []
    for level in levels:
        tail = (1 + level) / 2
        widen = stats.t.ppf(tail, k - len(strata)) / stats.norm.ppf(tail)
        low, high = np.quantile(from_groups + widen * from_fits, (1 - tail, tail))
        intervals.append((min(float(low), effect), max(float(high), effect)))
    return intervals


def _two_sided(effect: float, se: float, freedom: int) -> float:
    if se == 0:
        return 1.0 if effect == 0 else 0.0
    return float(2 * stats.t.sf(abs(effect) / se, freedom))
