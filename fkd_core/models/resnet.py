"""ResNet: eight pre-activated residual blocks, of two convolutions and of three by turns."""

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
class ResNet(Architecture):
    """The reference's own ResNet: 12,408,286 parameters for 30 outputs, 12,363,208 for 8.

    Its kernels are penalised, so the loss is more than the squared error. The head averages 2x2
    positions; strides (1, 2, 2, 1) leave it 6x6. Paper: He et al. 2016, Identity mappings in
    deep residual networks, arXiv 1603.05027.
    Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "resnet"

    stem: int = 64
    """Channels of the first convolution, 7x7 with stride 2, 1..512."""
    stem_pool: bool = True
    """Whether max-pooling halves the feature map before the first stage."""
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    """Blocks of each stage, 1..64; 1 to 5 stages."""
    filters: tuple[int, ...] = (64, 128, 256, 512)
    """Channels inside a stage's blocks, 1..1024."""
    expansion: tuple[int, ...] = (1, 4, 1, 4)
    """How many times its filters a stage gives, 1..8: at 1 a block is two 3x3 convolutions, above
    1 a bottleneck of 1x1, 3x3 and 1x1."""
    strides: tuple[int, ...] = (2, 2, 2, 2)
    """Stride of each stage's first block, 1..2."""
    l2: float = 1e-4
    """Penalty on the squares of the convolutions' kernels, in px^2, 0..1."""
    activation: Activation = "relu"
    """Activation before each convolution of a branch."""
    normalisation: Normalisation = "batch"
    """Normalisation before each activation and after a shortcut's convolution: batch or layer."""
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
        self.require("expansion", 1, 8)
        self.require("strides", 1, 2)
        self.require("l2", 0.0, 1.0)
        self.require_one_of("activation", ACTIVATIONS)
        self.require_one_of("normalisation", ("batch", "layer"))
        self.require("stochastic_depth", 0.0, 0.9)
        self.require("dropout", 0.0, 0.9)
        self.require_one_of("head", HEADS)
        self.require("downsample", 1, 4)
        lengths = [len(x) for x in (self.blocks, self.filters, self.expansion, self.strides)]
        if len(set(lengths)) > 1 or not 1 <= lengths[0] <= 5:
            raise ValueError(
                "resnet has {} blocks, {} filters, {} expansion and {} strides; give as many of "
                "each, 1 to 5".format(*lengths)
            )
        shrunk = self.downsample * 2 * (1 + self.stem_pool) * prod(self.strides)
        if self.head == "soft_argmax" and shrunk >= IMAGE_SIZE:
            raise ValueError("resnet shrinks to one position, where soft_argmax knows no other")

    @classmethod
    def tiny(cls) -> ResNet:
        return cls(
            stem=16,
            blocks=(1, 1),
            filters=(16, 16),
            expansion=(1, 2),
            strides=(1, 2),
            normalisation="layer",
            downsample=4,
        )

    def build(self, outputs: int) -> Any:
        from keras import Model, layers, regularizers

        from fkd_core.layers.residual import join, stages

        convolution = partial(
            layers.Conv2D,
            padding="same",
            kernel_initializer="he_normal",
            kernel_regularizer=regularizers.L2(self.l2),
        )

        def ready(x: Any) -> Any:
            return activate(normalise(x, self.normalisation), self.activation)

        def block(x: Any, stage: int, stride: int, drop: float) -> Any:
            inner, outer = self.filters[stage], self.expansion[stage] * self.filters[stage]
            shortcut = x
            if stride > 1 or x.shape[-1] != outer:
                shortcut = normalise(convolution(outer, 1, stride)(x), self.normalisation)
            bottleneck = outer > inner
            x = convolution(inner, 1 if bottleneck else 3, stride)(ready(x))
            x = convolution(inner, 3)(ready(x))
            if bottleneck:
                x = convolution(outer, 1)(ready(x))
            return join(shortcut, x, drop)

        inputs, x = gray_input(self.downsample)
        x = ready(convolution(self.stem, 7, 2)(x))
        if self.stem_pool:
            x = layers.MaxPooling2D(3, 2, padding="same")(x)
        x = stages(x, block, self.blocks, self.strides, self.stochastic_depth)
        x = layers.SpatialDropout2D(self.dropout)(ready(x))
        return Model(inputs, head(x, self.head, outputs), name=self.name)
