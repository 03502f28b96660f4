"""Whether the best values lie at the edge of what was searched."""

from __future__ import annotations

import math

from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

OUTER = 0.1
"""Share of a range, at either end, that is suspect."""


FEW = 5
"""Whole numbers fewer than these are choices, not a range."""


def at_the_edge(trial: FrozenTrial) -> list[str]:
    """One sentence for every value in the outer tenth of its range, naming the end to widen.

    Ranges on a log scale are measured on it. A lower end of 0 is the end of what can be, so
    values near it are no cause to widen; nor are choices among categories or few whole numbers.
    """
    notes = []
    for name, value in trial.params.items():
        range_ = trial.distributions[name]
        if not isinstance(range_, FloatDistribution | IntDistribution):
            continue
        low, high, at = float(range_.low), float(range_.high), float(value)
        few = isinstance(range_, IntDistribution) and high - low + 1 < FEW
        if low == high or few:
            continue
        share = (
            math.log(at / low) / math.log(high / low) if range_.log else (at - low) / (high - low)
        )
        end = "lower" if share <= OUTER and low != 0 else "upper" if share >= 1 - OUTER else ""
        if end:
            notes.append(
                f"the best {name}, {value:.4g}, lies in the outer tenth of {low:g}..{high:g}: "
                f"widen its {end} end"
            )
    return notes
