"""ExpectedCell: from one-dimensional classifications to coordinates, differentiably."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("fkd")
class ExpectedCell(keras.layers.Layer):  # type: ignore[misc]
    """Expected position under the softmax over the cells of an axis.

    Input [B, c, n] logits of n cells, output [B, c]: -1 and 1 are the outer edges of the first and
    the last cell, as in ``SoftArgmax``. Always float32: see ``pixel_output``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))

    def call(self, logits: Any) -> Any:
        n = logits.shape[-1]
        centres = (2.0 * ops.arange(n, dtype="float32") + 1) / n - 1
        return ops.sum(ops.softmax(logits, axis=-1) * centres, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[:-1]
