"""Conv2D 5-layer: five convolution blocks with batch normalisation, then two dense layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.models.base import (
    ACTIVATIONS,
    HEADS,
    NORMALISATIONS,
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
class Conv5(Architecture):
    """The reference's CONVNET5: 3,294,814 parameters for 30 outputs, 3,283,528 for 8.

    Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "conv5"

    filters: tuple[int, ...] = (16, 32, 64, 128, 256)
    """Channels of the 3x3 convolutions, 1..1024 each; one block each, at most 5."""
    block_dropout: tuple[float, ...] = (0.10, 0.20, 0.10, 0.25, 0.15)
    """Dropout at the end of each block, 0..0.9; as many as filters."""
    dense: tuple[int, ...] = (1024, 512)
    """Units of the hidden dense layers, 1..4096 each; soft_argmax has none."""
    dropout: float = 0.10
    """Dropout after each hidden dense layer, 0..0.9."""
    activation: Activation = "relu"
    """Activation of the convolutions and the hidden dense layers."""
    normalisation: Normalisation = "batch"
    """Normalisation after each convolution's activation: none, batch or layer."""
    head: Head = "flatten"
    """From feature map to coordinates: flatten, average or soft_argmax."""
    downsample: int = 1
    """Side of the squares averaged before the first convolution, 1..4."""

    def __post_init__(self) -> None:
        self.require("filters", 1, 1024)
        self.require("block_dropout", 0.0, 0.9)
        self.require("dense", 1, 4096)
        self.require("dropout", 0.0, 0.9)
        self.require_one_of("activation", ACTIVATIONS)
        self.require_one_of("normalisation", NORMALISATIONS)
        self.require_one_of("head", HEADS)
        self.require("downsample", 1, 4)
        if len(self.filters) != len(self.block_dropout):
            raise ValueError(
                f"conv5 has {len(self.filters)} filters and {len(self.block_dropout)} "
                "block_dropout values; give as many of each"
            )
        blocks, side = len(self.filters), IMAGE_SIZE // self.downsample
        if not 1 <= blocks <= 5 or side < 2**blocks:
            raise ValueError(f"conv5 of {blocks} blocks halves the image to nothing")

    @classmethod
    def tiny(cls) -> Conv5:
        return cls(
            filters=(4, 8), block_dropout=(0.0, 0.0), dense=(128,), dropout=0.0, downsample=4
        )

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        inputs, x = gray_input(self.downsample)
        for filters, dropout in zip(self.filters, self.block_dropout, strict=True):
            x = layers.Conv2D(filters, 3, padding="same")(x)
            x = normalise(activate(x, self.activation), self.normalisation)
            x = layers.MaxPooling2D(2)(x)
            x = layers.Dropout(dropout)(x)
        return Model(inputs, head(x, self.head, outputs, self._hidden), name=self.name)

    def _hidden(self, x: Any) -> Any:
        from keras import layers

        for units in self.dense:
            x = activate(layers.Dense(units)(x), self.activation)
            x = layers.Dropout(self.dropout)(x)
        return x
