"""The comparison is right where the truth is known, and refuses what it cannot compare."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from simulated import errors, simulate

from fkd_core.evidence import compare


def test_the_effect_is_the_mean_difference_of_rmse() -> None:
    treatment = [errors(0, 1, [30.0, 30.0]), errors(0, 2, [120.0, 120.0], half_rmse=1.5)]
    control = [errors(0, 1, [120.0, 120.0]), errors(0, 2, [270.0, 270.0])]
    found = compare(treatment, control)
    assert found.differences == pytest.approx((-1.0, -1.0))
    assert found.effect == pytest.approx(-1.0)
    assert found.control_rmse == pytest.approx(2.5)
    assert found.treatment_rmse == pytest.approx(1.5)
    assert found.control_train_rmse == pytest.approx(0.4)
    assert found.half_effect == pytest.approx(0.15)
    assert found.pairs == 2


def test_the_order_of_fits_does_not_matter() -> None:
    treatment, control = simulate(np.random.default_rng(0), folds=2, seeds=2)
    assert compare(treatment[::-1], control, draws=50) == compare(treatment, control, draws=50)


def test_the_standard_error_adds_fits_and_groups() -> None:
    """Against the two components computed face by face from their definitions."""
    treatment, control = simulate(np.random.default_rng(1), seeds=4, groups=50)
    found = compare(treatment, control)
    differences = np.array([t.rmse - c.rmse for t, c in zip(treatment, control, strict=True)])

    def influence(fit):  # type: ignore[no-untyped-def]
        per_face = fit.count.sum() / 50
        return (fit.squared - fit.count * fit.rmse**2) / (2 * fit.rmse * per_face)

    once = np.mean(
        [influence(t) - influence(c) for t, c in zip(treatment, control, strict=True)], axis=0
    )
    wanted = differences.var(ddof=1) / 4 + once.var(ddof=1) / 50
    assert found.se**2 == pytest.approx(wanted)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(differences.mean()) / found.se, 3))


def test_more_seeds_do_not_count_a_group_twice() -> None:
    """Fits that agree to the last bit leave the variance between groups as it is."""
    few, many = (
        simulate(np.random.default_rng(2), seeds=k, between_fits=0.0, within=0.0) for k in (2, 20)
    )
    assert compare(*few, draws=1).se == pytest.approx(compare(*many, draws=1).se)


def test_nadeau_bengio_uses_the_faces_actually_used() -> None:
    treatment, control = simulate(np.random.default_rng(3), seeds=5, groups=60)
    found = compare(treatment, control, draws=1)
    differences = np.array(found.differences)
    t = differences.mean() / np.sqrt((1 / 5 + 60 / 200) * differences.var(ddof=1))
    assert found.p_nadeau_bengio == pytest.approx(2 * stats.t.sf(abs(t), 4))


def test_false_positives_stay_under_their_nominal_five_per_cent() -> None:
    random = np.random.default_rng(4)
    designs = [
        {"folds": 1, "seeds": 5, "between_groups": 0.02},
        {"folds": 1, "seeds": 5, "between_groups": 0.5},
        {"folds": 3, "seeds": 2},
        {"folds": 5, "seeds": 1},
    ]
    for design in designs:
        p = [compare(*simulate(random, **design), draws=1).p for _ in range(200)]
        # 200 at 5% give over 16 by chance once in fifty times
        assert np.sum(np.array(p) < 0.05) <= 16, design


@pytest.mark.parametrize(
    "design",
    [
        {"folds": 1, "seeds": 5, "between_groups": 0.02},
        {"folds": 1, "seeds": 5, "between_fits": 0.005, "between_groups": 0.5},
        {"folds": 2, "seeds": 2, "between_groups": 0.02},
        {"folds": 5, "seeds": 2, "between_fits": 0.005},
    ],
)
def test_the_interval_covers_a_known_effect_as_often_as_it_says(design: dict[str, float]) -> None:
    random = np.random.default_rng(5)
    found = [
        compare(*simulate(random, effect=-0.05, **design), draws=300, seed=n)  # type: ignore[arg-type]
        for n in range(200)
    ]
    covered = np.mean([c.low <= -0.05 <= c.high for c in found])
    covered90 = np.mean([c.low90 <= -0.05 <= c.high90 for c in found])
    assert 0.90 <= covered <= 0.99
    assert 0.84 <= covered90 <= 0.97
    assert np.mean([c.effect for c in found]) == pytest.approx(-0.05, abs=0.01)


def test_a_clear_effect_is_found() -> None:
    random = np.random.default_rng(6)
    found = [compare(*simulate(random, effect=-0.2, seeds=6), draws=100) for _ in range(40)]
    assert np.mean([c.p < 0.05 and c.high < 0 for c in found]) > 0.8


def test_the_same_seed_gives_the_same_interval() -> None:
    arms = simulate(np.random.default_rng(7))
    assert compare(*arms, seed=1) == compare(*arms, seed=1)
    assert compare(*arms, seed=1).low != compare(*arms, seed=2).low


def test_the_wider_interval_holds_the_narrower_and_the_effect() -> None:
    random = np.random.default_rng(8)
    for _ in range(20):
        c = compare(*simulate(random, folds=2, seeds=2, groups=5), draws=100)
        assert c.low <= c.low90 <= c.effect <= c.high90 <= c.high


def test_arms_with_other_pairs_are_refused() -> None:
    treatment, control = simulate(np.random.default_rng(9))
    with pytest.raises(ValueError, match=r"only in one arm: \[\(0, 4\)\]"):
        compare(treatment[:-1], control)


def test_a_pair_given_twice_is_refused() -> None:
    treatment, control = simulate(np.random.default_rng(9))
    with pytest.raises(ValueError, match="treatment has two fits"):
        compare([*treatment, treatment[0]], control)


def test_a_single_pair_is_refused() -> None:
    treatment, control = simulate(np.random.default_rng(9), seeds=1)
    with pytest.raises(ValueError, match="2 pairs or more"):
        compare(treatment, control)


def test_arms_scored_on_other_faces_are_refused() -> None:
    control = [errors(0, s, [1.0, 2.0]) for s in (1, 2)]
    other = [errors(0, s, [1.0, 2.0], group=np.array([5, 6], np.uint64)) for s in (1, 2)]
    fewer_labels = [errors(0, s, [1.0, 2.0], count=29) for s in (1, 2)]
    for treatment in (other, fewer_labels):
        with pytest.raises(ValueError, match="same faces"):
            compare(treatment, control)


def test_equal_arms_show_nothing() -> None:
    _, control = simulate(np.random.default_rng(10))
    c = compare(control, control)
    assert (c.effect, c.se, c.p, c.p_nadeau_bengio) == (0.0, 0.0, 1.0, 1.0)
    assert (c.low, c.high) == (0.0, 0.0)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    folds=st.integers(1, 4),
    seeds=st.integers(2, 4),
    groups=st.integers(2, 12),
    effect=st.floats(-0.5, 0.5),
)
def test_swapping_the_arms_flips_the_effect_and_keeps_the_p_value(
    seed: int, folds: int, seeds: int, groups: int, effect: float
) -> None:
    treatment, control = simulate(
        np.random.default_rng(seed), effect=effect, folds=folds, seeds=seeds, groups=groups
    )
    there = compare(treatment, control, draws=100)
    back = compare(control, treatment, draws=100)
    assert back.effect == pytest.approx(-there.effect)
    assert back.se == pytest.approx(there.se)
    assert back.p == pytest.approx(there.p)
    assert back.p_nadeau_bengio == pytest.approx(there.p_nadeau_bengio)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
