"""When a trial is hopeless."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fkd_core.search.racing import hopeless


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
