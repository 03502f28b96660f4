"""UnsharedConv2D: a convolution with weights of its own at every position."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("fkd")
class UnsharedConv2D(keras.layers.Layer):  # type: ignore[misc]
    """Locally connected layer: a valid convolution of stride 1 that shares no weights.

    Input [B, h, w, c], output [B, oh, ow, filters], where oh = h - kernel_size + 1 and ow
    likewise. The kernel is [oh, ow, kernel_size^2 * c, filters], its third axis in the order row,
    column, channel of the patch; the bias is [oh, ow, filters]. ValueError where the input is
    smaller than a patch. As in Keras 2, the initialiser counts the positions as part of a
    neuron's fan, so weights start smaller than a shared convolution's by a factor of about
    sqrt(oh * ow); normalise what comes out.
    """

    def __init__(self, filters: int, kernel_size: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size

    def build(self, input_shape: Any) -> None:
        _, oh, ow, filters = self.compute_output_shape(input_shape)
        if min(oh, ow) < 1:
            raise ValueError(
                f"an input of {input_shape[1]} x {input_shape[2]} is smaller than a patch of "
                f"{self.kernel_size} x {self.kernel_size}"
            )
        size = self.kernel_size**2 * input_shape[-1]
        self.kernel = self.add_weight(
            shape=(oh, ow, size, filters), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(oh, ow, filters), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        _, oh, ow, _ = self.compute_output_shape(x.shape)
        # Slices, because TensorFlow's gradient of extract_patches is a slow sparse product.
        side = range(self.kernel_size)
        patches = ops.concatenate(
            [x[:, dy : dy + oh, dx : dx + ow] for dy in side for dx in side], axis=-1
        )
        return ops.einsum("bhwk,hwkf->bhwf", patches, self.kernel) + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, h, w, _ = input_shape
        return (batch, h - self.kernel_size + 1, w - self.kernel_size + 1, self.filters)

    def get_config(self) -> dict[str, Any]:
        own = {"filters": self.filters, "kernel_size": self.kernel_size}
        return super().get_config() | own  # type: ignore[no-any-return]
