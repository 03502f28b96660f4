"""What the tuning of one model for one pipeline found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fkd_core.evidence import Comparison
from fkd_core.findings.inputs import NOTHING, Inputs
from fkd_core.fitting.spec import FitSpec
from fkd_core.protocols.tuning_plan import TuningPlan


@dataclass(frozen=True)
class Candidate:
    """A configuration that came to set confirm, against the reference there."""

    name: str
    """``trial 7``; the reference's is ``reference``, with its epochs where there are several, for
    trials that take different numbers of gradient steps."""
    params: Mapping[str, Any]
    """Of the trial."""
    spec: FitSpec
    searched: float
    """RMSE on set search, px. It chose, so it flatters."""
    searched_gain: float
    """The same minus the reference's, px."""
    confirmed: float
    """RMSE on set confirm, mean over fresh seeds, px."""
    comparison: Comparison | None
    """Against the reference with equal gradient steps on set confirm; None for the reference
    itself."""
    best: float = float("nan")
    """Probability that it is the best of those on set confirm."""


@dataclass(frozen=True)
class Tuned:
    """What came out."""

    plan: TuningPlan
    candidates: Sequence[Candidate]
    """In order of their RMSE on set confirm: the winner first."""
    final: Comparison | None
    """Winner against the reference with equal gradient steps on set final; None where the
    reference itself won."""
    rmse: tuple[float, float, float]
    """The winner's on set final with its 95% interval, px."""
    parameters: int
    """Of the winner."""
    fit_seconds: float
    """Mean of the winner's fits on set final."""
    costs: Mapping[str, float]
    """Seconds that workers spent, stage by stage."""
    states: Mapping[str, int]
    """Trials by how they ended."""
    warm_gain: float | None
    """RMSE on set search of the reference's model under the sibling's training, minus that under
    the reference's own, px; None without a sibling, infinite where it fell behind."""
    warnings: Sequence[str]
    """What to know before the result is used: a budget that cut trials off, ranges that the best
    trial's values are at the edge of."""
    inputs: Inputs = NOTHING
    """What it rests on, but for the augmentations it trained under."""

    @property
    def evidence(self) -> dict[str, Any]:
        """What speaks for the winner, for its file."""
        return {
            "winner": self.winner.name,
            "rmse_final": list(self.rmse),
            "gain_final": self.final
            and {"effect": self.final.effect, "low": self.final.low, "high": self.final.high},
            "rmse_confirm": self.winner.confirmed,
            "probability_best": self.winner.best,
            "rmse_search": self.winner.searched,
        }

    @property
    def winner(self) -> Candidate:
        """The lowest RMSE on set confirm."""
        return self.candidates[0]
