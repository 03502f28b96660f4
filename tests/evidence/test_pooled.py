"""One set of predictions: its score, what it gains on another, and how sure both are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fkd_core.evidence import Estimate, Pool, difference, rmse


def pool(mse: np.ndarray, group: np.ndarray | None = None, weight: float = 1.0) -> Pool:
    n = len(mse)
    named = np.arange(n) if group is None else group
    return Pool(mse * 30.0, np.full(n, 30), named.astype(np.uint64), weight)


def faces_of(random: np.random.Generator, groups: int = 60) -> Pool:
    """Faces alike within their groups of one to three; the true RMSE is 2 px."""
    group = np.repeat(np.arange(groups), random.integers(1, 4, groups))
    return pool(4 * random.gamma(4, 1 / 4, groups)[group], group)


def width(estimate: Estimate) -> float:
    return estimate.high - estimate.low


def test_errors_are_counted_per_labelled_coordinate_and_only_there() -> None:
    truth = np.zeros((2, 2, 2))
    truth[0, 1] = np.nan
    predicted = np.array([[[3.0, 4.0], [50.0, np.nan]], [[0.0, 0.0], [0.0, 5.0]]])
    made = Pool.of_points(predicted, truth, np.array([7, 8], np.uint64), weight=3.0)
    assert made.squared.tolist() == [25.0, 25.0]
    assert made.count.tolist() == [2, 4]
    assert made.mse == pytest.approx(50 / 6)
    assert made.weight == 3.0


def test_pools_count_by_their_weights() -> None:
    complete, partial = pool(np.array([1.0, 3.0])), pool(np.array([9.0, 9.0, 12.0]))
    weighted = [replace(complete, weight=17592), replace(partial, weight=9532)]
    assert rmse(weighted).value == pytest.approx(np.sqrt((17592 * 2 + 9532 * 10) / 27124))
    assert rmse([complete, replace(partial, weight=0)]).value == pytest.approx(np.sqrt(2))


def test_only_the_ratio_of_weights_matters() -> None:
    random = np.random.default_rng(0)
    one, other = faces_of(random), faces_of(random)
    small = rmse([replace(one, weight=0.2), replace(other, weight=0.8)])
    large = rmse([replace(one, weight=100), replace(other, weight=400)])
    assert (small.value, small.low, small.high) == pytest.approx(
        (large.value, large.low, large.high)
    )


def test_a_difference_is_that_of_the_two_scores() -> None:
    random = np.random.default_rng(1)
    control = [faces_of(random), replace(faces_of(random), weight=0.5)]
    treatment = [replace(pool, squared=pool.squared * 0.81) for pool in control]
    found = difference(treatment, control)
    assert found.value == pytest.approx(rmse(treatment).value - rmse(control).value)
    assert found.low <= found.value <= found.high < 0
    swapped = difference(control, treatment)
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low))


def test_predictions_do_not_differ_from_themselves() -> None:
    pools = [faces_of(np.random.default_rng(2))]
    assert difference(pools, pools) == Estimate(0.0, 0.0, 0.0)


def test_pairing_makes_the_interval_much_narrower() -> None:
    random = np.random.default_rng(3)
    control = faces_of(random)
    slightly_better = random.normal(0.96, 0.02, len(control.squared))
    treatment = replace(control, squared=control.squared * slightly_better)
    unpaired = np.hypot(width(rmse([control])), width(rmse([treatment])))
    assert width(difference([treatment], [control])) < unpaired / 10


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(4)
    runs, scores, differences = 250, 0, 0
    for seed in range(runs):
        control = faces_of(random)
        reaction = random.gamma(20, 1 / 20, 60)[control.group.astype(np.intp)]
        treatment = replace(control, squared=control.squared * 0.9 * reaction)
        found = rmse([control], level=0.9, draws=200, seed=seed)
        scores += found.low <= 2 <= found.high
        gained = difference([treatment], [control], level=0.9, draws=200, seed=seed)
        differences += gained.low <= 2 * np.sqrt(0.9) - 2 <= gained.high
    assert 0.84 <= scores / runs <= 0.95
    assert 0.84 <= differences / runs <= 0.95


def test_a_higher_level_gives_a_wider_interval() -> None:
    pools = [faces_of(np.random.default_rng(5))]
    narrow, wide = rmse(pools, level=0.5), rmse(pools, level=0.99)
    assert wide.low < narrow.low <= narrow.value <= narrow.high < wide.high


def test_near_duplicates_in_one_group_count_once() -> None:
    random = np.random.default_rng(6)
    mse = random.gamma(2, 1, 80)
    once = rmse([pool(mse)])
    group = np.repeat(np.arange(80), 4)
    copies = rmse([pool(np.repeat(mse, 4), group)])
    assert (copies.value, copies.low, copies.high) == pytest.approx(
        (once.value, once.low, once.high)
    )
    as_if_apart = rmse([pool(np.repeat(mse, 4))])
    assert width(as_if_apart) < 0.7 * width(once)


def test_the_order_of_faces_does_not_matter() -> None:
    random = np.random.default_rng(7)
    control = faces_of(random)
    treatment = replace(control, squared=control.squared * random.uniform(0.8, 1.1))
    order = random.permutation(len(control.squared))
    shuffled = [
        Pool(arm.squared[order], arm.count[order], arm.group[order])
        for arm in (treatment, control)
    ]
    one, other = difference([treatment], [control]), difference([shuffled[0]], [shuffled[1]])
    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


def test_an_interval_depends_on_the_seed_alone() -> None:
    pools = [faces_of(np.random.default_rng(8))]
    assert rmse(pools, seed=1) == rmse(pools, seed=1)
    assert rmse(pools, seed=1) != rmse(pools, seed=2)


def test_a_face_without_labels_changes_nothing() -> None:
    mse = np.random.default_rng(9).gamma(2, 1, 30)
    known = pool(mse)
    more = Pool(np.append(known.squared, 0), np.append(known.count, 0), np.append(known.group, 99))
    assert rmse([more]) == rmse([known])


def test_arms_of_different_faces_cannot_be_compared() -> None:
    one = pool(np.array([1.0, 2.0, 3.0]))
    for other in (
        replace(one, group=one.group[::-1]),
        replace(one, count=np.array([30, 30, 28])),
        replace(one, weight=2.0),
        pool(np.array([1.0, 2.0])),
    ):
        with pytest.raises(ValueError, match="same faces"):
            difference([one], [other])
    with pytest.raises(ValueError):
        difference([one, one], [one])


def test_nothing_is_said_where_nothing_can_be_known() -> None:
    one = pool(np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="a pool with a weight"):
        rmse([])
    with pytest.raises(ValueError, match="a pool with a weight"):
        rmse([replace(one, weight=0)])
    with pytest.raises(ValueError, match="2 image groups"):
        rmse([replace(one, group=np.zeros(2, np.uint64))])


def test_predictions_that_are_no_numbers_or_of_another_shape_are_refused() -> None:
    truth, group = np.zeros((2, 1, 2)), np.arange(2, dtype=np.uint64)
    for bad in (np.nan, np.inf):
        predicted = truth.copy()
        predicted[1, 0, 1] = bad
        with pytest.raises(ValueError, match="finite"):
            Pool.of_points(predicted, truth, group)
    with pytest.raises(ValueError, match="shape"):
        Pool.of_points(np.zeros((2, 2, 2)), truth, group)
    with pytest.raises(ValueError, match="shape"):
        Pool.of_points(truth[..., 0], truth[..., 0], group)
    with pytest.raises(ValueError, match="shape"):
        Pool.of_points(truth, truth, group[:1])
    with pytest.raises(ValueError, match="labelled"):
        Pool.of_points(truth, np.full_like(truth, np.nan), group)
    with pytest.raises(ValueError, match="cannot have an error"):
        Pool(np.ones(2), np.array([0, 2]), group)
    with pytest.raises(ValueError, match="weight"):
        Pool(np.ones(2), np.ones(2, np.int64), group, weight=-1.0)
