"""ResNet50: sixteen bottleneck blocks with shortcuts, in four stages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, ClassVar

from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.models.base import (
    ACTIVATIONS,
    HEADS,
    Activation,
    Architecture,
    Head,
    Normalisation,
    activate,
    gray_input,
    head,
    normalise,
)


@dataclass(frozen=True)
class ResNet50(Architecture):
    """ResNet50 v1 for gray faces: 23,642,910 parameters for 30 outputs, 23,597,832 for 8.

    The head averages 3x3 positions; strides (1, 2, 2, 1) leave it 6x6. Paper: He et al. 2016,
    Deep residual learning for image recognition, arXiv 1512.03385.
    Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "resnet50"

    stem: int = 64
    """Channels of the first convolution, 7x7 with stride 2, 1..512."""
    stem_pool: bool = True
    """Whether max-pooling halves the feature map before the first stage."""
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    """Bottlenecks of each stage, 1..64; 1 to 5 stages."""
    filters: tuple[int, ...] = (64, 128, 256, 512)
    """Channels inside a stage's bottlenecks, 1..1024; they give 4 times as many."""
    strides: tuple[int, ...] = (1, 2, 2, 2)
    """Stride of each stage's first block, 1..2."""
    activation: Activation = "relu"
    """Activation after each normalisation but that of a shortcut."""
    normalisation: Normalisation = "batch"
    """Normalisation after each convolution: batch or layer."""
    stochastic_depth: float = 0.0
    """Share of training faces for which the last block is its shortcut alone, 0..0.9; it rises
    evenly from 0 at the first block."""
    dropout: float = 0.0
    """Share of the channels dropped before the head, 0..0.9."""
    head: Head = "average"
    """From feature map to coordinates: flatten, average or soft_argmax."""
    downsample: int = 1
    """Side of the squares averaged before the first convolution, 1..4."""

    def __post_init__(self) -> None:
        self.require("stem", 1, 512)
        self.require_one_of("stem_pool", (False, True))
        self.require("blocks", 1, 64)
        self.require("filters", 1, 1024)
        self.require("strides", 1, 2)
        self.require_one_of("activation", ACTIVATIONS)
        self.require_one_of("normalisation", ("batch", "layer"))
        self.require("stochastic_depth", 0.0, 0.9)
        self.require("dropout", 0.0, 0.9)
        self.require_one_of("head", HEADS)
        self.require("downsample", 1, 4)
        lengths = {len(self.blocks), len(self.filters), len(self.strides)}
        if len(lengths) > 1 or not 1 <= len(self.blocks) <= 5:
            raise ValueError(
                f"resnet50 has {len(self.blocks)} blocks, {len(self.filters)} filters and "
                f"{len(self.strides)} strides; give as many of each, 1 to 5"
            )
        shrunk = self.downsample * 2 * (1 + self.stem_pool) * prod(self.strides)
        if self.head == "soft_argmax" and shrunk >= IMAGE_SIZE:
            raise ValueError("resnet50 shrinks to one position, where soft_argmax knows no other")

    @classmethod
    def tiny(cls) -> ResNet50:
        return cls(
            stem=32,
            blocks=(1, 1),
            filters=(8, 16),
            strides=(1, 2),
            normalisation="layer",
            downsample=4,
        )

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        from fkd_core.layers.residual import join, stages

        convolution = partial(layers.Conv2D, kernel_initializer="he_normal")

        def normed(x: Any, channels: int, size: int = 1, stride: int = 1) -> Any:
            padding = "same" if stride == 1 else "valid"
            x = convolution(channels, size, stride, padding=padding)(x)
            return normalise(x, self.normalisation)

        def block(x: Any, stage: int, stride: int, drop: float) -> Any:
            inner, outer = self.filters[stage], 4 * self.filters[stage]
            changes = stride > 1 or x.shape[-1] != outer
            shortcut = normed(x, outer, stride=stride) if changes else x
            x = activate(normed(x, inner, stride=stride), self.activation)
            x = activate(normed(x, inner, size=3), self.activation)
            return activate(join(shortcut, normed(x, outer), drop), self.activation)

        inputs, x = gray_input(self.downsample)
        x = normed(layers.ZeroPadding2D(3)(x), self.stem, size=7, stride=2)
        x = activate(x, self.activation)
        if self.stem_pool:
            x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
        x = stages(x, block, self.blocks, self.strides, self.stochastic_depth)
        x = layers.SpatialDropout2D(self.dropout)(x)
        return Model(inputs, head(x, self.head, outputs), name=self.name)
