"""Res: three residual blocks on ever smaller maps; slower than Plain, for longer fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fkd_core.models.base import (
    NORMALISATIONS,
    Architecture,
    Normalisation,
    mean_face_output,
    normalise,
    standardised_input,
)


@dataclass(frozen=True)
class Res(Architecture):
    """A compact residual network of our own: 374,916 parameters for 30 outputs, 298,840 for 8.

    Three times a convolution of stride 2 (5x5, then 3x3 with twice the channels) and a block of
    two 3x3 convolutions around a shortcut; then one linear layer on the flattened map gives
    offsets from the mean face. Paper of the blocks: He et al. 2015, arXiv 1512.03385.
    Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "res"
    starts_at_mean: ClassVar[bool] = True

    width: int = 24
    """Channels of the first stage, 1..256; the others have 2 and 4 times as many."""
    normalisation: Normalisation = "batch"
    """Normalisation between a block's two convolutions, and on the others as `every` says."""
    every: bool = False
    """Whether all convolutions are normalised, not one of a block: slower."""
    dropout: float = 0.0
    """Dropout before the linear layer, 0..0.9."""
    downsample: int = 2
    """Side of the squares averaged before the first convolution, 1..2."""

    def __post_init__(self) -> None:
        self.require("width", 1, 256)
        self.require_one_of("normalisation", NORMALISATIONS)
        self.require_one_of("every", (False, True))
        self.require("dropout", 0.0, 0.9)
        self.require("downsample", 1, 2)

    @classmethod
    def tiny(cls) -> Res:
        return cls(width=4)

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        def convolution(x: Any, channels: int, size: int, stride: int, normed: bool) -> Any:
            normalisation = self.normalisation if normed else "none"
            bias = normalisation == "none"
            x = layers.Conv2D(
                channels,
                size,
                stride,
                padding="same",
                use_bias=bias,
                kernel_initializer="he_normal",
            )(x)
            return normalise(x, normalisation)

        inputs, x = standardised_input(self.downsample)
        for stage in range(3):
            channels = self.width * 2**stage
            x = convolution(x, channels, 3 if stage else 5, 2, self.every)
            x = layers.ReLU()(x)
            branch = layers.ReLU()(convolution(x, channels, 3, 1, True))
            branch = convolution(branch, channels, 3, 1, self.every)
            x = layers.ReLU()(layers.Add()([x, branch]))
        if self.dropout:
            x = layers.Dropout(self.dropout)(x)
        return Model(inputs, mean_face_output(x, outputs), name=self.name)
