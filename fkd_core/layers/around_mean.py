"""AroundMean: offsets from the mean face become pixels."""

from __future__ import annotations

from typing import Any

import keras

from fkd_core.keypoints import IMAGE_SIZE


@keras.saving.register_keras_serializable("fkd")
class AroundMean(keras.layers.Layer):  # type: ignore[misc]
    """mean + spread * input, in pixels. Always float32: see ``pixel_output``.

    Input and output [B, outputs]. The mean [outputs] is a weight that is not trained: the middle
    of the picture until somebody assigns the mean of the training faces' targets.
    """

    def __init__(self, spread: float, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))
        self.spread = spread

    def build(self, input_shape: Any) -> None:
        middle = keras.initializers.Constant((IMAGE_SIZE - 1) / 2)
        self.mean = self.add_weight(
            shape=(input_shape[-1],), initializer=middle, name="mean", trainable=False
        )

    def call(self, x: Any) -> Any:
        return self.mean + self.spread * x

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"spread": self.spread}  # type: ignore[no-any-return]
