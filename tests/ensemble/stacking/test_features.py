"""The columns that Level 2 sees, and which of them are kept."""

from __future__ import annotations

import numpy as np
import pytest

from fkd_core.ensemble.stacking.features import (
    Inputs,
    Standardiser,
    differences,
    members,
    products,
)


def _inputs(n: int = 4, m: int = 3, p: int = 4, e: int = 2) -> Inputs:
    random = np.random.default_rng(0)
    return Inputs(random.uniform(0, 96, (n, m, p)), random.uniform(0, 96, (n, e)))


def test_take_without_and_mean_keep_the_faces_aligned() -> None:
    inputs = _inputs()

    taken = inputs.take(np.array([2, 0]))
    fewer = inputs.without(1)

    assert len(inputs) == 4
    assert inputs.shape == (3, 4, 2)
    np.testing.assert_array_equal(taken.own, inputs.own[[2, 0]])
    np.testing.assert_array_equal(taken.other, inputs.other[[2, 0]])
    np.testing.assert_array_equal(fewer.own, inputs.own[:, [0, 2]])
    np.testing.assert_allclose(fewer.mean, (inputs.own[:, 0] + inputs.own[:, 2]) / 2)


def test_inputs_are_kept_as_float64() -> None:
    inputs = Inputs(np.ones((2, 1, 2), np.float32), np.ones((2, 0), np.float32))

    assert inputs.own.dtype == inputs.other.dtype == np.float64


@pytest.mark.parametrize(
    ("own", "other"),
    [
        (np.ones((2, 4)), np.ones((2, 0))),
        (np.ones((2, 0, 4)), np.ones((2, 0))),
        (np.ones((2, 1, 4)), np.ones((3, 0))),
        (np.ones((2, 1, 4)), np.ones(2)),
        (np.full((2, 1, 4), np.nan), np.ones((2, 0))),
        (np.ones((2, 1, 4)), np.full((2, 1), np.inf)),
    ],
)
def test_inputs_of_the_wrong_shape_or_not_finite_are_refused(
    own: np.ndarray, other: np.ndarray
) -> None:
    with pytest.raises(ValueError, match="must be"):
        Inputs(own, other)


def test_the_last_member_cannot_be_taken_away() -> None:
    with pytest.raises(ValueError, match="members"):
        _inputs(m=1).without(0)


@pytest.mark.parametrize(("p", "width"), [(30, 4650), (8, 360)])
def test_ten_members_make_the_known_number_of_products(p: int, width: int) -> None:
    assert products(_inputs(2, 10, p, 0)).shape == (2, width)
    assert products(_inputs(2, 10, p, 7)).shape == (2, width + 7)


def test_products_are_predictions_then_pairs_member_after_member_then_the_others() -> None:
    inputs = _inputs(n=1, m=2, p=3, e=2)
    (a, b, c), (x, y, z) = inputs.own[0]

    np.testing.assert_array_equal(
        products(inputs)[0],
        [a, b, c, a * b, a * c, b * c, x, y, z, x * y, x * z, y * z, *inputs.other[0]],
    )


def test_differences_are_about_the_mean_over_members() -> None:
    inputs = _inputs()

    table = differences(inputs)

    own = table[:, :12].reshape(4, 3, 4)
    np.testing.assert_allclose(own.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(own + inputs.mean[:, None], inputs.own)
    np.testing.assert_array_equal(table[:, 12:], inputs.other)
    np.testing.assert_array_equal(members(inputs)[:, :12], inputs.own.reshape(4, 12))


def test_the_standardiser_drops_constants_and_later_duplicates_and_says_so() -> None:
    a, b = np.random.default_rng(1).normal(size=(2, 50))
    x = np.column_stack([a, np.full(50, 7.0), b, a, -a, np.full(50, 5e3) + 1e-10 * b])

    standard = Standardiser.fit(x)

    np.testing.assert_array_equal(standard.columns, [0, 2, 4])
    assert (standard.constant, standard.duplicate) == (2, 1)
    assert standard.note == "3 of 6 columns kept (dropped: 2 constant, 1 duplicate)"


def test_standardised_training_rows_have_mean_0_and_variance_1() -> None:
    x = np.random.default_rng(2).normal(50, [1, 10, 1000], (80, 3))

    z = Standardiser.fit(x).apply(x)

    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=0), 1)


def test_columns_can_be_centred_only() -> None:
    x = np.random.default_rng(3).normal(50, [1, 10], (80, 2))

    np.testing.assert_allclose(Standardiser.fit(x, scaled=False).apply(x), x - x.mean(axis=0))


def test_other_rows_are_told_apart_by_what_the_training_rows_were() -> None:
    x = np.random.default_rng(4).normal(size=(40, 3))
    standard = Standardiser.fit(x[:30])
    before = x.copy()

    z = standard.apply(x[30:])

    np.testing.assert_allclose(z, (x[30:] - x[:30].mean(axis=0)) / x[:30].std(axis=0))
    np.testing.assert_array_equal(x, before)


def test_a_standardiser_of_no_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="row"):
        Standardiser.fit(np.empty((0, 3)))
