"""When a trial is hopeless."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fkd_core.studies.pruning import falls_behind, hopeless


def test_nothing_is_hopeless_before_it_was_tried() -> None:
    assert not hopeless([], noise=0.1)


def test_one_clearly_worse_pair_is_enough() -> None:
    assert hopeless([0.21], noise=0.1)
    assert not hopeless([0.19], noise=0.1)


def test_more_pairs_need_a_smaller_mean() -> None:
    assert not hopeless([0.15], noise=0.1)
    assert hopeless([0.15, 0.15, 0.15, 0.15], noise=0.1)


@given(st.lists(st.floats(-5, 0), min_size=1), st.floats(0.001, 1))
def test_what_helps_on_every_pair_is_never_stopped(differences: list[float], noise: float) -> None:
    assert not hopeless(differences, noise)


def test_a_trial_goes_on_while_too_few_others_came_as_far() -> None:
    assert not falls_behind(9.0, [1.0, 2.0], eta=3)


def test_of_those_that_came_as_far_one_in_eta_goes_on() -> None:
    peers = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert not falls_behind(1.5, peers, eta=3), "second of six"
    assert falls_behind(2.5, peers, eta=3), "third of six"


def test_a_trial_that_only_equals_the_best_falls_behind() -> None:
    assert falls_behind(1.0, [1.0, 2.0, 3.0], eta=3)
    assert not falls_behind(0.9, [1.0, 2.0, 3.0], eta=3)


def test_a_value_that_is_not_finite_falls_behind() -> None:
    assert falls_behind(float("inf"), [1.0, 2.0, 3.0], eta=3)
