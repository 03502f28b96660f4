"""Standardise: each picture by its own mean and deviation."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("fkd")
class Standardise(keras.layers.Layer):  # type: ignore[misc]
    """Takes each picture's mean from it and divides by its deviation.

    Input gray levels [B, h, w, c], output of the same shape with mean 0 and deviation 1 over all
    but the first axis; a picture of one gray becomes 0. Computed in float32 whatever the policy.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"autocast": False} | kwargs))

    def call(self, gray: Any) -> Any:
        x = ops.cast(gray, "float32")
        axes = list(range(1, len(x.shape)))
        x = x - ops.mean(x, axis=axes, keepdims=True)
        # One gray level more, so that rounding is not blown up where there is nothing to see.
        x = x * ops.rsqrt(ops.mean(x * x, axis=axes, keepdims=True) + 1.0)
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
