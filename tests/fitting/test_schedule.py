"""Order and rates are what the spec says, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fkd_core.fitting.schedule import LOOKS, batches, looks, rates, steps_per_epoch
from fkd_core.fitting.spec import Training


def all_rates(training: Training, steps: int) -> list[float]:
    each = [rates(training, steps, epoch) for epoch in range(training.epochs)]
    return np.concatenate(each).tolist()


@given(
    faces=st.integers(1, 300),
    size=st.integers(1, 70),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 1000),
)
def test_an_epoch_shows_every_face_once_and_pads_the_last_batch_alone(
    faces: int, size: int, seed: int, epoch: int
) -> None:
    order = batches(faces, size, seed, epoch)
    assert order.shape == (steps_per_epoch(faces, size), size)
    flat = order.ravel()
    assert sorted(flat[:faces]) == list(range(faces))
    assert (flat[faces:] == -1).all()
    assert len(flat) - faces < size


def test_every_epoch_and_every_seed_has_its_own_order() -> None:
    orders = {batches(50, 8, seed, epoch).tobytes() for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_a_constant_rate_is_constant() -> None:
    assert all_rates(Training(epochs=3, learning_rate=0.5), 2) == [0.5] * 6


def test_cosine_falls_from_the_rate_through_its_half_towards_0() -> None:
    training = Training(epochs=2, learning_rate=2.0, schedule="cosine")
    expected = [2.0, 1 + np.sqrt(0.5), 1.0, 1 - np.sqrt(0.5)]
    assert all_rates(training, 2) == pytest.approx(expected)


def test_the_last_steps_of_a_long_cosine_are_almost_0() -> None:
    assert all_rates(Training(epochs=100, schedule="cosine"), 10)[-1] < 1e-8


def test_warm_up_rises_linearly_and_hands_over_at_the_full_rate() -> None:
    training = Training(epochs=8, learning_rate=1.0, warmup=0.5)
    assert all_rates(training, 1) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1])


def test_cosine_after_warm_up_starts_at_the_full_rate() -> None:
    training = Training(epochs=6, learning_rate=1.0, schedule="cosine", warmup=1 / 3)
    expected = [1 / 3, 2 / 3, 1.0, 0.5 + np.sqrt(0.125), 0.5, 0.5 - np.sqrt(0.125)]
    assert all_rates(training, 1) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": float("inf")},
        {"learning_rate": float("nan")},
        {"schedule": "linear"},
        {"warmup": 1.0},
        {"weight_decay": -0.1},
        {"ema": 1.0},
        {"patience": 0},
    ],
)
def test_values_without_meaning_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Training(**wrong)  # type: ignore[arg-type]


@given(epochs=st.integers(1, 400), trained=st.integers(1, 9000), held_out=st.integers(0, 9000))
def test_a_fit_looks_evenly_in_every_quarter_and_not_at_its_end(
    epochs: int, trained: int, held_out: int
) -> None:
    found = sorted(looks(epochs, trained, held_out))
    ends = [0, *found, epochs]
    steps = np.diff(ends)
    assert (steps[:-1] == steps[0]).all()
    assert steps.max() <= max(1, epochs / 4) * 2
    assert steps[0] <= max(1, epochs // 4)
    assert epochs not in found
    assert len(found) < 2 * LOOKS[1]


@pytest.mark.parametrize(
    ("epochs", "trained", "held_out", "many"),
    [
        (15, 1000, 1378, 4),  # it would take 40% of this fit to look after every epoch
        (60, 1500, 1378, 19),
        (100, 5500, 1378, 19),
        (2, 50, 5000, 1),
        (1, 50, 5000, 0),
    ],
)
def test_looks_are_as_many_as_they_are_cheap(
    epochs: int, trained: int, held_out: int, many: int
) -> None:
    assert len(looks(epochs, trained, held_out)) == many
