"""How much an arm differs from the control, and how sure that is.

Both arms hold out the same faces with the same seeds, so every number here comes from paired
differences, and from one table: the squared errors of each fit in each image group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from fkd_core.evidence.errors import FitErrors
from fkd_core.evidence.grouped import tabulate
from fkd_core.evidence.twoway import two_way


@dataclass(frozen=True)
class Comparison:
    """A treatment against its control. Effects are in px of RMSE; negative ones help.

    Everything that is said of its certainty comes from `effect`, `se` and `freedom`, so p and
    intervals agree: p is below 0.05 where the 95% interval leaves 0 out.
    """

    effect: float
    """Mean over pairs of (treatment RMSE - control RMSE)."""
    se: float
    """Standard error of the effect, over fits and faces: see ``two_way``."""
    freedom: float
    """Degrees of freedom by which `se` is known."""
    resampled_se: float
    """Standard error of the effect by the corrected resampled t-test, over pairs alone (Nadeau
    and Bengio, "Inference for the generalization error", Machine Learning 52, 2003)."""
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

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Of the effect at this level of confidence, px."""
        reach = float(special.stdtrit(self.freedom, (1 + level) / 2)) * self.se
        return self.effect - reach, self.effect + reach

    @property
    def low(self) -> float:
        """Lower end of the 95% interval."""
        return self.interval()[0]

    @property
    def high(self) -> float:
        """Upper end of the 95% interval."""
        return self.interval()[1]

    @property
    def p(self) -> float:
        """Two-sided, that there is no effect."""
        return _two_sided(self.effect, self.se, self.freedom)

    def p_beyond(self, zone: float) -> float:
        """That the effect is `zone` px or more, either way: two one-sided tests (Schuirmann, "A
        comparison of the two one-sided tests procedure", Journal of Pharmacokinetics and
        Biopharmaceutics 15, 1987). It is below 0.05 where the 90% interval lies inside."""
        return max(
            _one_sided(self.effect - zone, self.se, self.freedom),
            _one_sided(-self.effect - zone, self.se, self.freedom),
        )

    def opinion(self, zone: float) -> Opinion:
        """How probable help, no matter and harm are, where effects smaller than `zone` px do not
        matter: the Bayesian correlated t-test (Corani and Benavoli, "A Bayesian approach for
        comparing cross-validated algorithms on multiple data sets", Machine Learning 100, 2015).

        Its posterior is Student's t about the effect with `resampled_se`; it knows nothing of
        other candidates, and of faces only what differs from pair to pair.
        """
        helps = _one_sided(-self.effect - zone, self.resampled_se, self.pairs - 1)
        harms = _one_sided(self.effect - zone, self.resampled_se, self.pairs - 1)
        return Opinion(helps, max(0.0, 1.0 - helps - harms), harms)


@dataclass(frozen=True)
class Opinion:
    """Probabilities, together 1."""

    helps: float
    equal: float
    """That the effect is too small to matter."""
    harms: float

    @property
    def words(self) -> str:
        """The most probable one.

        >>> Opinion(0.97, 0.02, 0.01).words
        'helps 97%'
        """
        told = {"helps": self.helps, "equal": self.equal, "harms": self.harms}
        name = max(told, key=lambda each: told[each])
        return f"{name} {told[name]:.0%}"


def compare(treatment: Sequence[FitErrors], control: Sequence[FitErrors]) -> Comparison:
    """Compares two arms on identical (fold, seed) pairs, by ``two_way``'s standard error.

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
    table = tabulate(arms)
    (treatments, own), (moves, moves_of_control) = table.rmse, table.moves
    differences = treatments - own
    k, effect = len(order), float(differences.mean())
    variance = two_way(differences, moves - moves_of_control)
    ratio = np.mean([len(fit.group) / fit.train_faces for fit in arms[1]])
    return Comparison(
        effect=effect,
        se=float(np.sqrt(variance.value)),
        freedom=float(variance.freedom),
        resampled_se=float(np.sqrt((1 / k + ratio) * differences.var(ddof=1))),
        pairs=k,
        control_rmse=float(own.mean()),
        treatment_rmse=float(treatments.mean()),
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


def _two_sided(effect: float, se: float, freedom: float) -> float:
    if se == 0:
        return 1.0 if effect == 0 else 0.0
    return float(2 * special.stdtr(freedom, -abs(effect) / se))


def _one_sided(excess: float, se: float, freedom: float) -> float:
    """That what lies `excess` above a bound lies at the bound or above it."""
    if se == 0:
        return 0.0 if excess < 0 else 1.0
    return float(special.stdtr(freedom, excess / se))
