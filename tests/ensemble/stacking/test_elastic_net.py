"""The multi-task elastic net against scikit-learn's, and what its duality gap promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import MultiTaskElasticNet

from fkd_core.ensemble.stacking.elastic_net import largest_alpha, path, solve
from fkd_core.ensemble.stacking.semismooth_newton import bound_of

Array = NDArray[np.float64]
ratios = pytest.mark.parametrize("l1_ratio", [0.5, 1.0])


def _collinear(n: int = 120, seed: int = 0) -> tuple[Array, Array]:
    """Five nearly equal copies of twelve features, standardised, and four targets of them."""
    random = np.random.default_rng(seed)
    base = random.normal(size=(n, 12))
    x = np.hstack([base + 0.05 * random.normal(size=base.shape) for _ in range(5)])
    y = base[:, :6] @ random.normal(size=(6, 4)) + 0.3 * random.normal(size=(n, 4))
    return (x - x.mean(axis=0)) / x.std(axis=0), y - y.mean(axis=0)


def _objective(x: Array, y: Array, coef: Array, alpha: float, l1_ratio: float) -> float:
    lengths = np.linalg.norm(coef, axis=1)
    penalty = l1_ratio * lengths.sum() + (1 - l1_ratio) / 2 * (lengths**2).sum()
    return float(((y - x @ coef) ** 2).sum() / (2 * len(y)) + alpha * penalty)


def _by_scikit_learn(x: Array, y: Array, alpha: float, l1_ratio: float) -> Array:
    model = MultiTaskElasticNet(
        alpha=alpha, l1_ratio=l1_ratio, fit_intercept=False, max_iter=100_000, tol=1e-9
    )
    coef: Array = model.fit(x, y).coef_.T
    return coef


@st.composite
def problems(draw: st.DrawFn) -> tuple[Array, Array, float, float]:
    """Features with copies and zero columns among them, targets, alpha and l1_ratio."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, f, t = draw(st.integers(1, 25)), draw(st.integers(1, 40)), draw(st.integers(1, 5))
    x = random.normal(size=(n, f)) * draw(st.sampled_from([0.01, 1.0, 100.0]))
    for copy in draw(st.lists(st.integers(0, f - 1), max_size=10)):
        x[:, copy] = x[:, 0]
    x[:, draw(st.lists(st.integers(0, f - 1), max_size=3))] = 0
    y = x @ (random.normal(size=(f, t)) * (random.random((f, 1)) < 0.3))
    y += random.normal(size=(n, t)) * draw(st.sampled_from([0.0, 0.1, 10.0]))
    l1_ratio = draw(st.sampled_from([0.5, 1.0]))
    share = draw(st.floats(1e-3, 1.2))
    return x, y, share * largest_alpha(x, y, l1_ratio) or 1.0, l1_ratio


@ratios
@pytest.mark.parametrize("alpha", [1.0, 0.1, 0.01])
def test_the_objective_is_that_of_scikit_learn(alpha: float, l1_ratio: float) -> None:
    x, y = _collinear()
    found = solve(x, y, alpha, l1_ratio, tolerance=1e-8)
    theirs = _objective(x, y, _by_scikit_learn(x, y, alpha, l1_ratio), alpha, l1_ratio)
    assert found.converged
    assert found.objective == pytest.approx(_objective(x, y, found.coef, alpha, l1_ratio))
    assert found.objective <= theirs * (1 + 1e-6)


@ratios
def test_coefficients_are_those_of_scikit_learn_where_only_one_optimum_is(l1_ratio: float) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(80, 15))
    y = x[:, :5] @ random.normal(size=(5, 3)) + random.normal(size=(80, 3))
    found = solve(x, y, 0.2, l1_ratio, tolerance=1e-10)
    theirs = _by_scikit_learn(x, y, 0.2, l1_ratio)
    np.testing.assert_allclose(found.coef, theirs, atol=1e-4)
    assert 0 < found.active == np.count_nonzero(theirs.any(axis=1)) < 15


def test_equal_copies_of_a_feature_change_no_prediction() -> None:
    x, y = _collinear()
    once, twice = (solve(each, y, 0.05, 1.0, tolerance=1e-10) for each in (x, np.hstack([x, x])))
    assert twice.objective == pytest.approx(once.objective, rel=1e-8)
    np.testing.assert_allclose(np.hstack([x, x]) @ twice.coef, x @ once.coef, atol=1e-3)


@settings(max_examples=150, deadline=None)
@given(problems())
def test_every_problem_converges_to_a_gap_that_holds(
    problem: tuple[Array, Array, float, float],
) -> None:
    x, y, alpha, l1_ratio = problem
    loose = solve(x, y, alpha, l1_ratio, tolerance=1e-2)
    tight = solve(x, y, alpha, l1_ratio, tolerance=1e-8)
    at_zero = float((y**2).sum()) / (2 * len(y))
    assert loose.converged
    assert tight.converged
    assert 0 <= tight.gap <= 1e-8
    assert tight.objective == pytest.approx(_objective(x, y, tight.coef, alpha, l1_ratio))
    above = loose.objective - tight.objective
    assert -1.001e-8 * at_zero <= above <= loose.gap * at_zero * (1 + 1e-9) + 1e-12 * at_zero
    assert not tight.coef[~x.any(axis=0)].any()
    assert tight.active == np.count_nonzero(tight.coef.any(axis=1))


@settings(max_examples=50, deadline=None)
@given(problems(), st.integers(0, 2**32))
def test_any_start_leads_to_the_same_optimum(
    problem: tuple[Array, Array, float, float], seed: int
) -> None:
    x, y, alpha, l1_ratio = problem
    start = np.random.default_rng(seed).normal(size=(x.shape[1], y.shape[1]))
    cold = solve(x, y, alpha, l1_ratio, tolerance=1e-7)
    warm = solve(x, y, alpha, l1_ratio, start=start, tolerance=1e-7)
    assert warm.converged
    assert abs(warm.objective - cold.objective) <= 1.001e-7 * float((y**2).sum()) / (2 * len(y))


@ratios
def test_a_solution_is_a_start_that_is_already_good(l1_ratio: float) -> None:
    x, y = _collinear()
    first = solve(x, y, 0.1, l1_ratio)
    again = solve(x, y, 0.1, l1_ratio, start=first.coef)
    np.testing.assert_array_equal(again.coef, first.coef)
    assert again.gap == first.gap


@ratios
def test_all_is_zero_from_the_largest_alpha_on_and_not_below(l1_ratio: float) -> None:
    x, y = _collinear()
    largest = largest_alpha(x, y, l1_ratio)
    at, below = solve(x, y, largest, l1_ratio), solve(x, y, 0.99 * largest, l1_ratio)
    assert at.converged
    assert at.active == 0
    assert not at.coef.any()
    assert at.objective == pytest.approx((y**2).sum() / (2 * len(y)))
    assert below.active > 0


@ratios
def test_a_path_is_its_separate_solves(l1_ratio: float) -> None:
    x, y = _collinear()
    alphas = np.geomspace(1, 1e-3, 7) * largest_alpha(x, y, l1_ratio)
    steps = list(path(x, y, alphas.tolist(), l1_ratio, tolerance=1e-7))
    alone = [solve(x, y, alpha, l1_ratio, tolerance=1e-7) for alpha in alphas]
    at_zero = float((y**2).sum()) / (2 * len(y))
    assert len(steps) == 7
    for step, single in zip(steps, alone, strict=True):
        assert step.converged
        assert abs(step.objective - single.objective) <= 1.001e-7 * at_zero
    assert steps[0].active == 0
    assert steps[-1].active > 5


def test_alphas_of_a_path_may_rise_and_the_caller_may_stop() -> None:
    x, y = _collinear()
    steps = path(x, y, [0.01, 0.1, 1.0], 1.0, tolerance=1e-7)
    taken = [next(steps), next(steps)]
    for step, alpha in zip(taken, [0.01, 0.1], strict=True):
        assert step.objective == pytest.approx(solve(x, y, alpha, 1.0).objective, rel=1e-5)


def test_a_tolerance_out_of_reach_is_owned_up_to() -> None:
    x, y = _collinear()
    found = solve(x, y, 0.1, 1.0, tolerance=1e-30)
    assert not found.converged
    assert 0 < found.gap < 1e-12


def test_features_of_very_unequal_scales_converge() -> None:
    x, y = _collinear()
    scales = 10.0 ** np.random.default_rng(0).integers(-3, 4, x.shape[1])
    found = solve(x * scales, y, 0.1, 1.0)
    assert found.converged
    assert found.objective == pytest.approx(_objective(x * scales, y, found.coef, 0.1, 1.0))


def test_targets_of_zero_have_no_coefficients() -> None:
    x, y = _collinear()
    found = solve(x, 0 * y, 0.1, 1.0, start=np.ones((60, 4)))
    assert (found.objective, found.gap, found.converged, found.active) == (0, 0, True, 0)


def test_inputs_are_left_as_they_were() -> None:
    x, y = _collinear()
    start = np.ones((60, 4))
    kept = [each.copy() for each in (x, y, start)]
    for each in (x, y, start):
        each.flags.writeable = False
    found = solve(x, y, 0.1, 0.5, start=start)
    list(path(x, y, [0.1, 0.01], 1.0))
    for each, before in zip((x, y, start), kept, strict=True):
        np.testing.assert_array_equal(each, before)
    assert not np.shares_memory(found.coef, start)


def test_the_order_of_memory_and_the_kind_of_float_do_not_matter() -> None:
    x, y = (each.astype(np.float32) for each in _collinear())
    plain = solve(x.astype(np.float64), y.astype(np.float64), 0.1, 1.0)
    other = solve(np.asfortranarray(x), np.asfortranarray(y), 0.1, 1.0)
    assert other.coef.dtype == np.float64
    assert other.objective == pytest.approx(plain.objective, rel=1e-6)


GOOD: dict[str, Any] = {"x": np.eye(4), "y": np.ones((4, 2)), "alpha": 0.1, "l1_ratio": 1.0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"x": np.eye(4)[0]},
        {"x": np.empty((4, 0))},
        {"y": np.ones(4)},
        {"y": np.ones((3, 2))},
        {"x": np.full((4, 4), np.nan)},
        {"y": np.full((4, 2), np.inf)},
        {"l1_ratio": 0.0},
        {"l1_ratio": 1.5},
        {"l1_ratio": float("nan")},
        {"alpha": 0.0},
        {"alpha": -1.0},
        {"alpha": float("inf")},
        {"tolerance": 0.0},
        {"start": np.ones((2, 4))},
        {"start": np.full((4, 2), np.nan)},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    told = GOOD | wrong
    with pytest.raises(ValueError, match=r"must|needed"):
        solve(**told)
    if "start" not in wrong:
        with pytest.raises(ValueError, match=r"must|needed"):
            path(told["x"], told["y"], [1.0, told["alpha"]], told["l1_ratio"],
                 tolerance=told.get("tolerance", 1e-4))  # fmt: skip
    if not wrong.keys() & {"start", "alpha", "tolerance"}:
        with pytest.raises(ValueError, match=r"must|needed"):
            largest_alpha(told["x"], told["y"], told["l1_ratio"])


def test_numbers_that_overflow_are_no_optimum() -> None:
    far = np.full((2, 3), 1e200)
    with np.errstate(over="ignore", invalid="ignore"):
        bound = bound_of(far, far, float("inf"), 1.0, 0.1, 0.0)
    assert bound.gap == np.inf
