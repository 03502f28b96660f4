"""What a study cost, and what it saved."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState


@dataclass(frozen=True)
class Costs:
    """Worker seconds of one study."""

    spent: float
    """Really given by workers, also to fits that were lost on the way."""
    pruned: float
    """Saved by stopping early: what the stopped trials would have cost at the median price of a
    whole one, less what they did cost."""
    stored: float
    """Saved by the store: what fits that it had already had cost when they were made."""

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial]) -> Costs:
        """From the trials' user attributes `seconds` (spent) and `fit_seconds` (what the trial's
        whole fits cost when they were made, by whomever)."""
        ended = [trial for trial in trials if "fit_seconds" in trial.user_attrs]
        whole = [_made(trial) for trial in ended if trial.state == TrialState.COMPLETE]
        price = statistics.median(whole) if whole else 0.0
        stopped = [trial for trial in ended if trial.state == TrialState.PRUNED]
        return cls(
            spent=sum(map(_spent, trials)),
            pruned=sum(max(0.0, price - max(_made(t), _spent(t))) for t in stopped),
            stored=sum(max(0.0, _made(trial) - _spent(trial)) for trial in ended),
        )


def _spent(trial: FrozenTrial) -> float:
    return float(trial.user_attrs.get("seconds", 0.0))


def _made(trial: FrozenTrial) -> float:
    return float(trial.user_attrs["fit_seconds"])
