"""The probability of being the best is what it says."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import errors, simulate

from fkd_core.evidence import FitErrors, compare, probability_best


def arms_of(random: np.random.Generator, *effects: float) -> list[list[FitErrors]]:
    """Arms whose errors truly differ so from each other, on the same faces."""
    difficulty = np.exp(random.normal(0, 0.5, 80))
    return [
        [
            errors(0, seed, 30 * difficulty * (1 + effect + random.normal(0, 0.03, 80)) ** 2)
            for seed in range(4)
        ]
        for effect in effects
    ]


def test_a_clear_winner_is_sure_and_the_rest_share_nothing() -> None:
    found = probability_best(arms_of(np.random.default_rng(0), 0.0, -0.3, 0.1))
    assert found[1] > 0.99
    assert sum(found) == pytest.approx(1)


def test_equal_arms_share_it() -> None:
    """The posterior of arms that are alike in truth is flat on average."""
    random = np.random.default_rng(1)
    found = np.mean([probability_best(arms_of(random, 0, 0, 0), draws=500) for _ in range(60)], 0)
    assert found == pytest.approx([1 / 3] * 3, abs=0.12)


def test_of_two_arms_it_says_what_the_comparison_says() -> None:
    """One minus half of p where the fits alone are unsure, for there both use k - 1 degrees."""
    treatment, control = simulate(
        np.random.default_rng(2), effect=-0.01, seeds=5, between_groups=0.0, within=0.001
    )
    better, _ = probability_best([treatment, control])
    assert 0.55 < better < 0.99
    assert better == pytest.approx(1 - compare(treatment, control).p / 2, abs=0.02)


def test_what_befalls_all_arms_alike_decides_nothing() -> None:
    random = np.random.default_rng(3)
    hard = [np.exp(random.normal(0, 1.5, 50)) for _ in range(3)]
    arms = [[errors(0, s, 30 * size * hard[s]) for s in range(3)] for size in (1.0, 0.98)]
    assert probability_best(arms)[1] > 0.95


def test_fits_that_agree_by_luck_are_not_all_that_is_known() -> None:
    """Each fold says the same to the last bit, but faces say one thing or another."""
    random = np.random.default_rng(4)
    first = 30 * np.exp(random.normal(0, 0.5, 40))
    other = first * (0.995 + random.normal(0, 0.2, 40))
    arms = [
        [errors(f, f, squared, group=np.arange(40, dtype=np.uint64) + 40 * f) for f in (0, 1)]
        for squared in (first, other)
    ]
    assert max(probability_best(arms)) < 0.9


def test_arms_of_other_faces_are_refused() -> None:
    one = [errors(0, s, [1.0, 2.0]) for s in (1, 2)]
    other = [errors(0, s, [1.0, 2.0], group=np.array([5, 6], np.uint64)) for s in (1, 2)]
    with pytest.raises(ValueError, match="same faces"):
        probability_best([one, other])
    with pytest.raises(ValueError, match="2 pairs or more"):
        probability_best([one[:1], one[:1]])
