"""Evidence: errors of fits and of predictions, their comparison, and verdicts with intervals."""

from fkd_core.evidence.best import probability_best
from fkd_core.evidence.comparison import Comparison, Opinion, compare, rmse_interval
from fkd_core.evidence.components import Components
from fkd_core.evidence.errors import FitErrors
from fkd_core.evidence.pooled import Estimate, Pool, difference, rmse
from fkd_core.evidence.ranking import Ranking, ranking
from fkd_core.evidence.verdicts import (
    ALPHA,
    EQUIVALENT,
    HARMFUL,
    HELPFUL,
    NOT_CONFIRMED,
    SMALLEST_EFFECT,
    UNDECIDED,
    Verdict,
    holm,
    judge,
)

__all__ = [
    "ALPHA",
    "EQUIVALENT",
    "HARMFUL",
    "HELPFUL",
    "NOT_CONFIRMED",
    "SMALLEST_EFFECT",
    "UNDECIDED",
    "Comparison",
    "Components",
    "Estimate",
    "FitErrors",
    "Opinion",
    "Pool",
    "Ranking",
    "Verdict",
    "compare",
    "difference",
    "holm",
    "judge",
    "probability_best",
    "ranking",
    "rmse",
    "rmse_interval",
]
