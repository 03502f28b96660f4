"""Soft-argmax is the expected position that it says it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def coordinates(heatmaps: Any) -> Any:
    from fkd_core.layers import SoftArgmax

    return np.asarray(SoftArgmax()(heatmaps.astype(np.float32)))


def direct(heatmaps: Any) -> Any:
    """Cell by cell, in float64."""
    batch, h, w, p = heatmaps.shape
    out = np.zeros((batch, p, 2))
    for i, k in np.ndindex(batch, p):
        share = np.exp(heatmaps[i, :, :, k] - heatmaps[i, :, :, k].max())
        share /= share.sum()
        for row, column in np.ndindex(h, w):
            centre = ((column + 0.5) / w * 2 - 1, (row + 0.5) / h * 2 - 1)
            out[i, k] += share[row, column] * np.array(centre)
    return out.reshape(batch, 2 * p)


def test_it_equals_the_direct_computation() -> None:
    heatmaps = np.random.default_rng(0).normal(scale=3, size=(3, 5, 7, 4))
    np.testing.assert_allclose(coordinates(heatmaps), direct(heatmaps), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 5), (2, 1)])
def test_one_hot_cell_gives_that_cells_centre(row: int, column: int) -> None:
    heatmaps = np.zeros((1, 4, 6, 2))
    heatmaps[0, row, column, 1] = 100.0
    middle, hot = coordinates(heatmaps).reshape(2, 2)
    np.testing.assert_allclose(middle, [0, 0], atol=1e-6)  # nothing hot: all cells alike
    np.testing.assert_allclose(hot, [(2 * column + 1) / 6 - 1, (2 * row + 1) / 4 - 1], atol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    heatmaps = np.random.default_rng(0).normal(scale=1e4, size=(2, 4, 4, 3))
    assert (np.abs(coordinates(heatmaps)) <= 1).all()


def test_it_computes_in_float32_under_a_policy_of_less() -> None:
    import keras

    from fkd_core.layers import SoftArgmax

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = SoftArgmax()
    finally:
        keras.config.set_dtype_policy("float32")
    assert layer.compute_dtype == "float32"
    assert layer.compute_output_shape((None, 4, 6, 15)) == (None, 30)
