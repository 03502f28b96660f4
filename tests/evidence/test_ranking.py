"""Ranks over folds, against the tables of Demšar (JMLR 7, 2006)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import friedmanchisquare

from fkd_core.evidence.ranking import ranking


@pytest.mark.parametrize(("models", "q"), [(2, 1.960), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_is_the_published_one(models: int, q: float) -> None:
    found = ranking(np.random.default_rng(0).normal(size=(14, models)))
    assert found.apart == pytest.approx(q * np.sqrt(models * (models + 1) / (6 * 14)), rel=5e-4)
    if models == 4:
        assert found.apart == pytest.approx(1.25, abs=5e-3), "as in its example"


def test_models_differ_surely_where_their_intervals_do_not_overlap() -> None:
    found = ranking(np.array([(1.0, 2.0, 2.0), (1.0, 3.0, 2.0), (1.5, 3.0, 2.0)] * 2))
    assert found.ranks == pytest.approx([1.0, 17 / 6, 13 / 6]), "equal ones share their ranks"
    best, worst, middle = found.intervals
    assert worst.low > best.high, f"{found.apart} is less than {11 / 6}"
    assert middle.low <= best.high, f"and more than {7 / 6}"
    assert middle.high - middle.low == pytest.approx(found.apart)


def test_p_is_friedmans() -> None:
    errors = np.random.default_rng(0).normal(size=(6, 5)) + np.arange(5) * 0.4
    assert ranking(errors).p == pytest.approx(friedmanchisquare(*errors.T).pvalue)


def test_two_models_are_told_apart_by_enough_folds() -> None:
    better = np.column_stack([np.zeros(5), np.ones(5)])
    few, more = ranking(better[:3]), ranking(better)
    assert few.apart > 1.0 > more.apart
    assert few.ranks.tolist() == [1.0, 2.0]


def test_one_model_or_one_fold_has_no_ranking() -> None:
    for shape in ((5, 1), (1, 5)):
        with pytest.raises(ValueError, match="two of each"):
            ranking(np.ones(shape))
