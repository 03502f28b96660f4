"""What the residual networks share: stages of blocks, and how a branch joins its shortcut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import layers

Block = Callable[[Any, int, int, float], Any]
"""From feature map, number of the stage, stride and drop rate to the block's feature map."""


def stages(
    x: Any,
    block: Block,
    blocks: tuple[int, ...],
    strides: tuple[int, ...],
    stochastic_depth: float,
) -> Any:
    """The feature map after blocks[i] blocks in stage i, the first of them with strides[i].

    The drop rate rises evenly from 0 at the first block to `stochastic_depth` at the last.
    """
    last, done = max(1, sum(blocks) - 1), 0
    for stage, (count, stride) in enumerate(zip(blocks, strides, strict=True)):
        for i in range(count):
            x = block(x, stage, stride if i == 0 else 1, stochastic_depth * done / last)
            done += 1
    return x


def join(shortcut: Any, branch: Any, drop: float) -> Any:
    """The sum of two feature maps; in training a face loses its branch with probability `drop`
    (stochastic depth: Huang et al. 2016, arXiv 1603.09382)."""
    if drop:
        branch = layers.Dropout(drop, noise_shape=(None, 1, 1, 1))(branch)
    return layers.Add()([shortcut, branch])
