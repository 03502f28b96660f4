"""Evidence: paired errors of fits, their comparison, and the verdict on each augmentation."""

from fkd_core.evidence.comparison import Comparison, compare, rmse_interval
from fkd_core.evidence.errors import FitErrors
from fkd_core.evidence.verdicts import (
    EQUIVALENT,
    HARMFUL,
    HELPFUL,
    NOT_CONFIRMED,
    SMALLEST_EFFECT,
    UNDECIDED,
    Verdict,
    holm,
    judge,
    read_verdicts,
    write_verdicts,
)

__all__ = [
    "EQUIVALENT",
    "HARMFUL",
    "HELPFUL",
    "NOT_CONFIRMED",
    "SMALLEST_EFFECT",
    "UNDECIDED",
    "Comparison",
    "FitErrors",
    "Verdict",
    "compare",
    "holm",
    "judge",
    "read_verdicts",
    "rmse_interval",
    "write_verdicts",
]
