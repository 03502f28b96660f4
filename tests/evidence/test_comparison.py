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
    assert compare(treatment[::-1], control) == compare(treatment, control)


def test_the_noise_of_one_fit_on_one_face_counts_once() -> None:
    """Against fits + groups - cells computed face by face from their definitions."""
    treatment, control = simulate(np.random.default_rng(1), seeds=4, groups=50)
    found = compare(treatment, control)
    differences = np.array([t.rmse - c.rmse for t, c in zip(treatment, control, strict=True)])

    def influence(fit):  # type: ignore[no-untyped-def]
        per_face = fit.count.sum() / 50
        return (fit.squared - fit.count * fit.rmse**2) / (2 * fit.rmse * per_face) / 50

    moves = np.array(
        [influence(t) - influence(c) for t, c in zip(treatment, control, strict=True)]
    )
    fits = differences.var(ddof=1) / 4
    groups, cells = (moves.sum(axis=0) ** 2).sum() / 16, (moves**2).sum() / 16
    assert found.se**2 == pytest.approx(fits + 4 / 3 * (groups - cells))
    assert found.p == pytest.approx(
        2 * stats.t.sf(abs(differences.mean()) / found.se, found.freedom)
    )
    assert 3 < found.freedom < 52


def test_the_variance_is_right_on_average_whatever_it_comes_from() -> None:
    """Of the mean effect over repeated studies, in designs where one part or another is most."""
    random = np.random.default_rng(11)
    for design in (
        {"folds": 1, "seeds": 4, "groups": 200, "between_groups": 0.5},
        {"folds": 2, "seeds": 3, "between_fits": 0.03, "between_groups": 0.05},
        {"folds": 2, "seeds": 3, "between_fits": 0.01, "between_groups": 0.2, "within": 0.3},
    ):
        found = [compare(*simulate(random, **design)) for _ in range(150)]  # type: ignore[arg-type]
        ratio = np.mean([c.se**2 for c in found]) / np.var([c.effect for c in found])
        # chance alone moves it by a tenth or so; counting a noise twice made it 1.3 to 2.2
        assert 0.7 < ratio < 1.35, design


def test_more_seeds_do_not_count_a_group_twice() -> None:
    """Fits that agree to the last bit leave the variance between groups as it is."""
    few, many = (
        simulate(np.random.default_rng(2), seeds=k, between_fits=0.0, within=0.0) for k in (2, 20)
    )
    assert compare(*few).se == pytest.approx(compare(*many).se)


def test_the_resampled_error_uses_the_faces_actually_used() -> None:
    treatment, control = simulate(np.random.default_rng(3), seeds=5, groups=60)
    found = compare(treatment, control)
    differences = np.array(found.differences)
    variance = (1 / 5 + 60 / 200) * differences.var(ddof=1)
    assert found.resampled_se == pytest.approx(np.sqrt(variance))


@pytest.mark.parametrize("effect", [-0.3, -0.02, 0.0, 0.1])
def test_the_second_opinion_is_the_posterior_of_the_correlated_t_test(effect: float) -> None:
    found = compare(*simulate(np.random.default_rng(3), effect=effect, seeds=5, groups=60))
    opinion, zone = found.opinion(0.05), stats.t(4, found.effect, found.resampled_se)
    assert opinion.helps == pytest.approx(zone.cdf(-0.05))
    assert opinion.harms == pytest.approx(zone.sf(0.05))
    assert opinion.helps + opinion.equal + opinion.harms == pytest.approx(1.0)
    likely = max("helps", "equal", "harms", key=lambda name: getattr(opinion, name))
    assert opinion.words.startswith(likely)


def test_false_positives_come_about_as_often_as_their_nominal_five_per_cent() -> None:
    random = np.random.default_rng(4)
    designs = [
        {"folds": 1, "seeds": 5, "between_groups": 0.02},
        {"folds": 1, "seeds": 5, "between_groups": 0.5},
        {"folds": 3, "seeds": 2},
        {"folds": 5, "seeds": 1},
    ]
    found = [
        np.sum([compare(*simulate(random, **d)).p < 0.05 for _ in range(150)]) for d in designs
    ]
    # 150 at 5% give over 14 by chance once in fifty times, 600 under 15 as rarely
    assert max(found) <= 15, found
    assert sum(found) >= 15, found


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
        compare(*simulate(random, effect=-0.05, **design))  # type: ignore[arg-type]
        for _ in range(200)
    ]
    covered = np.mean([c.low <= -0.05 <= c.high for c in found])
    within90 = [low <= -0.05 <= high for low, high in (c.interval(0.90) for c in found)]
    assert 0.90 <= covered <= 0.985
    assert 0.84 <= np.mean(within90) <= 0.95
    assert np.mean([c.effect for c in found]) == pytest.approx(-0.05, abs=0.01)


def test_a_clear_effect_is_found() -> None:
    random = np.random.default_rng(6)
    found = [compare(*simulate(random, effect=-0.2, seeds=6)) for _ in range(40)]
    assert np.mean([c.p < 0.05 and c.high < 0 for c in found]) > 0.8


def test_the_wider_interval_holds_the_narrower_and_p_agrees_with_both() -> None:
    random = np.random.default_rng(8)
    sure = 0
    for _ in range(60):
        c = compare(*simulate(random, effect=-0.02, folds=2, seeds=2, groups=5))
        low90, high90 = c.interval(0.90)
        assert c.low < low90 < c.effect < high90 < c.high
        assert (c.p < 0.05) == (c.low > 0 or c.high < 0)
        assert (c.p_beyond(0.03) < 0.05) == (low90 > -0.03 and high90 < 0.03)
        sure += c.p < 0.05
    assert 0 < sure < 60


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
    assert (c.effect, c.se, c.p, c.resampled_se) == (0.0, 0.0, 1.0, 0.0)
    assert (c.low, c.high) == (0.0, 0.0)
    assert (c.p_beyond(0.1), c.p_beyond(0.0)) == (0.0, 1.0)


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
    there = compare(treatment, control)
    back = compare(control, treatment)
    assert back.effect == pytest.approx(-there.effect)
    assert back.se == pytest.approx(there.se)
    assert back.p == pytest.approx(there.p)
    assert back.resampled_se == pytest.approx(there.resampled_se)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
