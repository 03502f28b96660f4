"""The compact ensemble is the best that fits."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from tiny_ensemble import half, images

from fkd_core.ensemble.compact import compact
from fkd_core.ensemble.predictor import Predictor
from fkd_core.errors import UserError

N, P = 200, 8
TRUTH = np.random.default_rng(0).normal(48, 9, (N, P))


def said_by(*noise: float) -> Any:
    """[M, N, P]: members that are wrong independently, each by so many pixels."""
    rng = np.random.default_rng(1)
    return np.stack([TRUTH + rng.normal(0, spread, TRUTH.shape) for spread in noise])


def rmse(predicted: Any, truth: Any = TRUTH) -> float:
    return float(np.sqrt(np.nanmean((predicted - truth) ** 2)))


def test_no_subset_within_the_budget_is_better() -> None:
    sizes = {"a": 40, "b": 10, "c": 30, "d": 5, "e": 20}
    own = said_by(0.9, 1.5, 1.1, 2.5, 1.2)
    for budget in (5, 12, 25, 33, 47, 60, 105):
        kept = compact(sizes, own, TRUTH, budget, folds=1)
        within = [
            rmse(own[list(some)].mean(axis=0))
            for count in range(1, 6)
            for some in combinations(range(5), count)
            if sum(list(sizes.values())[m] for m in some) <= budget
        ]
        chosen = [list(sizes).index(name) for name in kept.fits]
        assert rmse(own[chosen].mean(axis=0)) == pytest.approx(min(within))
        assert kept.size == sum(sizes[name] for name in kept.fits) <= budget


def test_what_is_left_of_the_budget_buys_more_fits() -> None:
    sizes = {"a": 10, "b": 30}
    own = said_by(1, 1)
    fits = {
        budget: compact(sizes, own, TRUTH, budget, folds=3).fits
        for budget in (40, 50, 80, 119, 120, 1000)
    }
    assert fits == {
        40: {"a": 1, "b": 1},
        50: {"a": 2, "b": 1},
        80: {"a": 2, "b": 2},
        119: {"a": 3, "b": 2},
        120: {"a": 3, "b": 3},
        1000: {"a": 3, "b": 3},
    }


def test_a_member_that_does_harm_is_left_out_whatever_the_budget() -> None:
    kept = compact({"good": 1, "bad": 1}, said_by(1, 20), TRUTH, 100, folds=5)
    assert kept.fits == {"good": 5}


def test_what_the_budget_holds_is_kept_whole() -> None:
    kept = compact({"a": 3, "b": 4}, said_by(1, 1), TRUTH, 35, folds=5)
    assert kept.fits == {"a": 5, "b": 5}
    assert kept.size == 35


def test_unlabelled_coordinates_do_not_count() -> None:
    own = said_by(1, 2)
    truth = TRUTH.copy()
    truth[::3, 2:] = np.nan
    own[0, ::3, 2:] += 1000
    kept = compact({"a": 1, "b": 1}, own, truth, 1, folds=1)
    assert kept.fits == {"a": 1}
    with pytest.raises(ValueError, match="nothing is labelled"):
        compact({"a": 1, "b": 1}, own, np.full_like(truth, np.nan), 1, folds=1)


def test_a_budget_under_the_smallest_fit_names_its_size() -> None:
    sizes = {"naimishnet": 450_000_000, "lenet5": 16_400_000}
    with pytest.raises(UserError, match=r"lenet5.*10 MB.*16\.4 MB"):
        compact(sizes, said_by(1, 1), TRUTH, 10_000_000, folds=5)


def test_tables_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="3 members"):
        compact({"a": 1, "b": 1, "c": 1}, said_by(1, 1), TRUTH, 9, folds=5)


def test_the_compact_half_is_the_mean_of_the_members_kept(backend: str) -> None:
    whole = half("partial", ("lenet5", "local2d"), crossed=True, fits=3, backend=backend)
    kept = compact({"lenet5": 10, "local2d": 10}, said_by(9, 1), TRUTH, 20, folds=3)
    small = kept.of(whole)
    assert small.feeds == ("partial",)
    assert [(member.name, len(member.fits)) for member in small.members] == [("local2d", 2)]
    expected = whole.members[1].fits[:2]
    assert small.members[0].fits == expected
    said = Predictor((small,)).predict(images(), "partial")
    np.testing.assert_allclose(said, small.members[0].predict(images()).clip(0, 96), rtol=1e-6)
