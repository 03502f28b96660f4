"""Verdicts: what the evidence says of each augmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fkd_core.evidence.comparison import Comparison, Opinion

SMALLEST_EFFECT = 0.005
"""Smallest effect that matters unless another is asked for, as a share of the control's RMSE."""
LARGEST_TRAIN_RATIO = 0.6
"""A control whose training RMSE is a larger share of its held-out RMSE has not overfitted
enough for an augmentation to have a chance."""
ALPHA = 0.05
"""Probability of any false verdict of help or harm in the whole family."""

HELPFUL = "helpful"
HARMFUL = "harmful"
EQUIVALENT = "equivalent"
UNDECIDED = "undecided"
NOT_CONFIRMED = "undecided (not confirmed)"


@dataclass(frozen=True)
class Verdict:
    """One row of the table; None where a candidate was screened out and so never confirmed."""

    transform: str
    strength: float | None
    """In [0, 1]; None for a transform without one."""
    verdict: str
    """HELPFUL, HARMFUL, EQUIVALENT, UNDECIDED or NOT_CONFIRMED."""
    effect: float | None
    """RMSE with it - RMSE without, px; negative helps."""
    low: float | None
    """Lower end of the effect's 95% interval, px."""
    high: float | None
    """Upper end of the effect's 95% interval, px."""
    p_holm: float | None
    """Holm-adjusted p that there is no effect, over all that was confirmed."""
    pairs: int
    """Matched pairs; 0 where not confirmed."""
    helps: float | None = None
    """Second opinion, by pairs alone and of this candidate alone: how probable it is that the
    effect is below -`zone`; see ``Comparison.opinion``."""
    equal: float | None = None
    """How probable, that it lies inside the zone."""
    harms: float | None = None
    """How probable, that it is above `zone`."""
    control_rmse: float | None = None
    """Held-out RMSE without it, px."""
    half_effect: float | None = None
    """The effect at half length, px."""
    train_ratio: float | None = None
    """The control's training RMSE / its held-out RMSE."""
    zone: float | None = None
    """Effects smaller than this are too small to matter, px."""
    p_equivalent: float | None = None
    """Holm-adjusted p that the effect is as large as `zone`, over all that was confirmed."""
    note: str = ""
    """Why there is no verdict, where validity failed."""

    @property
    def opinion(self) -> Opinion | None:
        """The second opinion; None where it was not confirmed, or its validity failed."""
        if self.helps is None or self.equal is None or self.harms is None:
            return None
        return Opinion(self.helps, self.equal, self.harms)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given (Holm, "A simple sequentially rejective multiple
    test procedure", Scandinavian Journal of Statistics 6, 1979)."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def judge(
    comparisons: Mapping[str, Comparison],
    candidates: Sequence[str],
    strengths: Mapping[str, float | None],
    smallest: float = SMALLEST_EFFECT,
) -> list[Verdict]:
    """A verdict on every candidate, then on whatever else was compared (the harmful control).

    Holm's family is what was compared. What the screen left out is no part of it: it was left out
    for what it did on other faces, so it never had a chance of a false verdict here. Equivalence
    is asked first, for a tiny effect is no help however sure it is; its zone is the share
    `smallest` of the control's RMSE.
    """
    zones = {name: smallest * c.control_rmse for name, c in comparisons.items()}
    p_effect = holm([c.p for c in comparisons.values()])
    p_beyond = holm([c.p_beyond(zones[name]) for name, c in comparisons.items()])
    found = {
        name: _confirmed(name, strengths.get(name), c, zones[name], p, beyond)
        for (name, c), p, beyond in zip(comparisons.items(), p_effect, p_beyond, strict=True)
    }
    return [
        found.get(name)
        or Verdict(name, strengths.get(name), NOT_CONFIRMED, None, None, None, None, 0)
        for name in dict.fromkeys([*candidates, *comparisons])
    ]


def _confirmed(
    name: str,
    strength: float | None,
    c: Comparison,
    zone: float,
    p_effect: float,
    p_beyond: float,
) -> Verdict:
    train_ratio = c.control_train_rmse / c.control_rmse
    note = _invalid(train_ratio)
    opinion = None if note else c.opinion(zone)
    if note:
        verdict = UNDECIDED
    elif p_beyond < ALPHA:
        verdict = EQUIVALENT
    elif p_effect < ALPHA:
        verdict = HELPFUL if c.effect < 0 else HARMFUL
    else:
        verdict = UNDECIDED
    return Verdict(
        transform=name,
        strength=strength,
        verdict=verdict,
        effect=c.effect,
        low=c.low,
        high=c.high,
        p_holm=p_effect,
        pairs=c.pairs,
        helps=opinion.helps if opinion else None,
        equal=opinion.equal if opinion else None,
        harms=opinion.harms if opinion else None,
        control_rmse=c.control_rmse,
        half_effect=c.half_effect,
        train_ratio=train_ratio,
        zone=zone,
        p_equivalent=p_beyond,
        note=note,
    )


def _invalid(train_ratio: float) -> str:
    """Why this comparison allows no verdict; empty where it does."""
    if train_ratio <= LARGEST_TRAIN_RATIO:
        return ""
    return (  # NaN is a reason too
        f"the control's training RMSE is {train_ratio:.2f} of its held-out RMSE,"
        f" more than {LARGEST_TRAIN_RATIO}: it did not overfit enough to judge by"
    )
