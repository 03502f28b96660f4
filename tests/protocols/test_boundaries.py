"""Best values at the edge of their range are named, and nothing else."""

from __future__ import annotations

import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import create_trial

from fkd_core.protocols.boundaries import at_the_edge

LOG = FloatDistribution(1e-4, 1e-2, log=True)


def notes(value: object, range_: BaseDistribution) -> list[str]:
    trial = create_trial(params={"rate": value}, distributions={"rate": range_}, value=1.0)
    return at_the_edge(trial)


@pytest.mark.parametrize(
    ("value", "range_", "end"),
    [
        (0.95, FloatDistribution(0.0, 1.0), "upper"),
        (1.05, FloatDistribution(1.0, 2.0), "lower"),
        (9e-3, LOG, "upper"),
        (1.2e-4, LOG, "lower"),
        (64, IntDistribution(4, 64), "upper"),
    ],
)
def test_the_outer_tenth_is_named_with_the_end_to_widen(
    value: float, range_: BaseDistribution, end: str
) -> None:
    (note,) = notes(value, range_)
    assert "rate" in note
    assert f"widen its {end} end" in note


@pytest.mark.parametrize(
    ("value", "range_"),
    [
        (0.5, FloatDistribution(0.0, 1.0)),
        (1e-3, LOG),
        (5e-3, LOG),  # in the middle of the log scale's upper half, at half the linear range
        (0.01, FloatDistribution(0.0, 1.0)),  # nothing is below 0
        (3, IntDistribution(2, 3)),  # few numbers are choices
        ("b", CategoricalDistribution("ab")),
        (2.0, FloatDistribution(2.0, 2.0)),
    ],
)
def test_the_rest_is_not(value: object, range_: BaseDistribution) -> None:
    assert notes(value, range_) == []
