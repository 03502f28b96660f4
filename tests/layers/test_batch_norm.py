"""Batch normalisation is Keras's, but its moving averages are right from the first step."""

from __future__ import annotations

import os
from typing import Any

import keras
import numpy as np
import pytest

from fkd_core.layers import BatchNorm
from fkd_core.layers.batch_norm import YOUNG

BACKEND = os.environ.get("FKD_TEST_BACKEND", "tensorflow")
SHAPES = pytest.mark.parametrize("shape", [(6, 5, 4, 3), (8, 3)], ids=["map", "vector"])


def batches(shape: tuple[int, ...], n: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.normal(3 + i, 2, shape).astype(np.float32) for i in range(n)]


def built(kind: type[Any], shape: tuple[int, ...], **more: Any) -> Any:
    layer = kind(**more)
    layer.build((None, *shape[1:]))
    channels = np.arange(1, 1 + shape[-1], dtype=np.float32)
    layer.beta.assign(-channels)
    if layer.gamma is not None:
        layer.gamma.assign(channels)
    return layer


@SHAPES
@pytest.mark.parametrize("scale", [True, False])
def test_a_batch_is_normalised_as_keras_does(shape: tuple[int, ...], scale: bool) -> None:
    ours, theirs = (
        built(kind, shape, scale=scale) for kind in (BatchNorm, keras.layers.BatchNormalization)
    )
    (x,) = batches(shape, 1)
    for training in (False, True):
        out, expected = (np.asarray(layer(x, training=training)) for layer in (ours, theirs))
        np.testing.assert_allclose(out, expected, atol=1e-4)


@SHAPES
def test_moving_averages_are_of_the_latest_steps(shape: tuple[int, ...]) -> None:
    layer = built(BatchNorm, shape, momentum=0.7)
    axes = tuple(range(len(shape) - 1))
    mean, variance = np.zeros(shape[-1]), np.zeros(shape[-1])
    for n, x in enumerate(batches(shape, 40)):
        layer(x, training=True)
        old = min(n / (n + YOUNG), 0.7)
        mean = old * mean + (1 - old) * x.mean(axes)
        variance = old * variance + (1 - old) * x.var(axes)
        np.testing.assert_allclose(np.asarray(layer.moving_mean), mean, rtol=1e-4)
        np.testing.assert_allclose(np.asarray(layer.moving_variance), variance, rtol=1e-4)
    assert float(layer.steps) == 40


def test_after_one_step_scored_and_trained_predictions_are_equal() -> None:
    layer = built(BatchNorm, (6, 5, 4, 3))
    (x,) = batches((6, 5, 4, 3), 1)
    trained = np.asarray(layer(x, training=True))
    np.testing.assert_allclose(np.asarray(layer(x, training=False)), trained, atol=1e-4)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the kernel is TensorFlow's")
def test_the_kernel_has_the_gradients_of_keras() -> None:
    import tensorflow as tf

    shape = (6, 5, 4, 3)
    (x,) = batches(shape, 1)
    weights = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    found = []
    for kind in (BatchNorm, keras.layers.BatchNormalization):
        layer, inputs = built(kind, shape), tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = tf.reduce_sum(layer(inputs, training=True) * weights)
        found.append(tape.gradient(total, [inputs, layer.gamma.value, layer.beta.value]))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_mixed_precision_keeps_its_statistics_in_float32() -> None:
    layer = built(BatchNorm, (6, 5, 4, 3), dtype="mixed_bfloat16")
    (x,) = batches((6, 5, 4, 3), 1)
    out = layer(x, training=True)
    assert keras.backend.standardize_dtype(out.dtype) == "bfloat16"
    assert keras.backend.standardize_dtype(layer.moving_mean.dtype) == "float32"
    np.testing.assert_allclose(np.asarray(layer.moving_mean), x.mean((0, 1, 2)), rtol=2e-3)


def test_a_frozen_layer_is_scored_and_counts_nothing() -> None:
    layer = built(BatchNorm, (6, 5, 4, 3))
    layer.trainable = False
    (x,) = batches((6, 5, 4, 3), 1)
    np.testing.assert_array_equal(
        np.asarray(layer(x, training=True)), np.asarray(layer(x, training=False))
    )
    assert float(layer.steps) == 0
