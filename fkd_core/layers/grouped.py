"""GroupedConv2D: a grouped convolution that also trains fast without a GPU."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

BLOCK = 128
"""Input channels of one ordinary convolution on a CPU, at least, where there are as many."""


@keras.saving.register_keras_serializable("fkd")
class GroupedConv2D(keras.layers.Conv2D):  # type: ignore[misc]
    """``keras.layers.Conv2D(groups=g)``: arguments, weights and output are the same.

    Input [B, h, w, cin], kernel [kh, kw, cin / g, filters], output [B, h', w', filters]. Raises
    ValueError where the groups divide cin or the filters unevenly.

    On a CPU the backends take seconds for the gradient of one grouped convolution. There the
    kernel is written into the diagonal blocks of ordinary ones, of a few groups each: more
    multiplications, most of them with zero, in a small part of the time.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        # Asked when the layer is called, not when it is made: a saved model moves between them.
        on_cpu = all(name.startswith("cpu") for name in keras.distribution.list_devices())
        convolve = super().convolution_op
        if self.groups == 1 or not on_cpu:
            return convolve(inputs, kernel)
        axis = -1 if self.data_format == "channels_last" else 1
        parts = _parts(self.groups, inputs.shape[axis])
        slices = ops.split(inputs, parts, axis)
        kernels = ops.split(ops.convert_to_tensor(kernel), parts, -1)
        groups = self.groups // parts
        return ops.concatenate(
            [convolve(x, block_diagonal(k, groups)) for x, k in zip(slices, kernels, strict=True)],
            axis,
        )


def _parts(groups: int, channels: int) -> int:
    """Into how many ordinary convolutions the groups are best shared out."""
    even = [parts for parts in range(1, groups + 1) if groups % parts == 0]
    return max((parts for parts in even if channels // parts >= BLOCK), default=1)


def block_diagonal(kernel: Any, groups: int) -> Any:
    """The kernel [kh, kw, cin, filters] of the ordinary convolution that does what the kernel
    [kh, kw, cin / groups, filters] does in groups."""
    kh, kw, cin, filters = kernel.shape
    same_group = ops.reshape(ops.eye(groups, dtype=kernel.dtype), (groups, 1, groups, 1))
    blocks = ops.reshape(kernel, (kh, kw, 1, cin, groups, filters // groups)) * same_group
    return ops.reshape(blocks, (kh, kw, groups * cin, filters))
