"""The unshared convolution is the sum that it says it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def unshared(**options: Any) -> Any:
    from fkd_core.layers import UnsharedConv2D

    return UnsharedConv2D(**options)


def direct(x: Any, kernel: Any, bias: Any, size: int) -> Any:
    """Patch by patch, in float64."""
    oh, ow, _, filters = kernel.shape
    out = np.empty((len(x), oh, ow, filters))
    for i, row, column in np.ndindex(len(x), oh, ow):
        patch = x[i, row : row + size, column : column + size].astype(np.float64).ravel()
        out[i, row, column] = patch @ kernel[row, column] + bias[row, column]
    return out


@pytest.mark.parametrize("size", [1, 2, 3])
def test_it_equals_the_direct_sum(size: int) -> None:
    rng = np.random.default_rng(size)
    x = rng.normal(size=(2, 5, 7, 3)).astype(np.float32)
    layer = unshared(filters=4, kernel_size=size)
    layer.build(x.shape)
    weights = [rng.normal(size=w.shape).astype(np.float32) for w in layer.weights]
    layer.set_weights(weights)
    assert [w.shape for w in weights] == [
        (6 - size, 8 - size, size * size * 3, 4),
        (6 - size, 8 - size, 4),
    ]
    expected = direct(x, *weights, size)
    assert layer.compute_output_shape(x.shape) == expected.shape
    np.testing.assert_allclose(np.asarray(layer(x)), expected, rtol=1e-4, atol=1e-4)


def test_with_the_same_kernel_everywhere_it_is_a_convolution() -> None:
    from keras import layers

    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 6, 3)).astype(np.float32)
    shared, own = layers.Conv2D(4, 3), unshared(filters=4)
    for layer in (shared, own):
        layer.build(x.shape)
    kernel = np.asarray(shared.kernel).reshape(27, 4)
    own.set_weights([np.broadcast_to(kernel, (4, 4, 27, 4)), np.zeros((4, 4, 4))])
    np.testing.assert_allclose(np.asarray(own(x)), np.asarray(shared(x)), rtol=1e-4, atol=1e-5)


def test_every_weight_has_its_gradient(backend: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 4, 4, 2)).astype(np.float32)
    slope = rng.normal(size=(3, 2, 2, 5)).astype(np.float32)
    layer = unshared(filters=5)
    layer.build(x.shape)
    if backend == "jax":
        import jax

        def total(weights: Any) -> Any:
            return (layer.stateless_call(weights, [], x)[0] * slope).sum()

        gradients = jax.grad(total)([w.value for w in layer.trainable_variables])
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            total_ = tf.reduce_sum(layer(x) * slope)
        gradients = tape.gradient(total_, [w.value for w in layer.trainable_variables])
    kernel, bias = (np.asarray(g) for g in gradients)
    expected = np.empty_like(kernel)
    for row, column in np.ndindex(2, 2):
        patches = x[:, row : row + 3, column : column + 3].reshape(3, -1)
        expected[row, column] = patches.T @ slope[:, row, column]
    np.testing.assert_allclose(kernel, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(bias, slope.sum(axis=0), rtol=1e-5, atol=1e-6)


def test_its_configuration_gives_it_back() -> None:
    layer = unshared(filters=5, kernel_size=2, name="mine")
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config
    assert (again.filters, again.kernel_size, again.name) == (5, 2, "mine")


def test_an_input_smaller_than_a_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="2 x 9 is smaller than a patch of 3 x 3"):
        unshared(filters=4).build((None, 2, 9, 1))
