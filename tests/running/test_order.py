"""The order of calls, tried on made-up workers in made-up time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fkd_core.running.order import Order


def ended(seconds: Sequence[float], after: dict[int, int], workers: int) -> float:
    """When so many workers have made calls that take so long, each once and in order."""
    order = Order(len(seconds), after)
    running: dict[int, float] = {}
    done: set[int] = set()
    now = 0.0
    while order or running:
        while len(running) < workers and (n := order.following(running, workers)) is not None:
            assert n not in after or after[n] in done
            order.begin(n)
            running[n] = now + seconds[n]
        n, now = min(running.items(), key=lambda item: item[1])
        del running[n]
        done.add(n)
        order.end(n)
    assert done == set(range(len(seconds)))
    return now


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 9))
def test_every_call_is_made_once_and_after_what_it_waits_for(
    chains: int, length: int, workers: int
) -> None:
    after = {n: n - 1 for n in range(chains * length) if n % length}
    took = ended([1.0] * chains * length, after, workers)
    assert took >= max(length, chains * length / workers)


@pytest.mark.parametrize(("workers", "at_most"), [(1, 1715), (2, 890), (4, 690), (5, 343)])
def test_five_chains_leave_little_idle_time(workers: int, at_most: float) -> None:
    stages = (73.0, 90.0, 180.0)  # as measured of the best recipe's, so 857.5 s at best on two
    after = {n: n - 1 for n in range(15) if n % 3}
    assert ended(stages * 5, after, workers) <= at_most


def test_without_chains_calls_are_made_in_their_order_and_lost_ones_first() -> None:
    order = Order(3)
    assert order.following((), 2) == 0
    order.begin(0)
    assert order.following((0,), 2) == 1
    order.repeat(0)
    assert order.following((), 2) == 0


def test_a_call_that_waits_is_not_made() -> None:
    order = Order(2, {0: 1})
    assert order.following((), 1) == 1
    order.begin(1)
    assert order.following((1,), 1) is None
    order.end(1)
    assert order.following((), 1) == 0
