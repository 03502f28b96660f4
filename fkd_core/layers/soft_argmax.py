"""SoftArgmax: from heatmaps to coordinates, differentiably."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("fkd")
class SoftArgmax(keras.layers.Layer):  # type: ignore[misc]
    """Expected position under the softmax of each heatmap (DSNT: Nibali et al. 2018, arXiv
    1801.07372).

    Input [B, h, w, p] heatmap logits, output [B, 2p]: x, y of each heatmap, where -1 and 1 are
    the outer edges of the first and the last cell. Always float32: see ``pixel_output``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))

    def call(self, heatmaps: Any) -> Any:
        _, h, w, p = heatmaps.shape
        share = ops.softmax(ops.reshape(heatmaps, (-1, h * w, p)), axis=1)
        share = ops.reshape(share, (-1, h, w, p))
        across = (2.0 * ops.arange(w, dtype="float32") + 1) / w - 1
        down = (2.0 * ops.arange(h, dtype="float32") + 1) / h - 1
        # Products and sums, since TFLite has no einsum for batches of any size.
        x = ops.sum(share * across[:, None], axis=(1, 2))
        y = ops.sum(share * down[:, None, None], axis=(1, 2))
        return ops.reshape(ops.stack([x, y], axis=-1), (-1, 2 * p))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], 2 * input_shape[-1])
