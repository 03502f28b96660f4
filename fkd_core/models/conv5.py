"""Conv2D 5-layer: five convolution blocks with batch normalisation, then two dense layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fkd_core.models.base import Architecture, gray_input, pixel_output


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
    """Units of the hidden dense layers, 1..4096 each."""
    dropout: float = 0.10
    """Dropout after each hidden dense layer, 0..0.9."""
    downsample: int = 1
    """Side of the squares averaged before the first convolution, 1..4."""

    def __post_init__(self) -> None:
        self.require("filters", 1, 1024)
        self.require("block_dropout", 0.0, 0.9)
        self.require("dense", 1, 4096)
        self.require("dropout", 0.0, 0.9)
        self.require("downsample", 1, 4)
        if len(self.filters) != len(self.block_dropout):
            raise ValueError(
                f"conv5 has {len(self.filters)} filters and {len(self.block_dropout)} "
                "block_dropout values; give as many of each"
            )
        if not 1 <= len(self.filters) <= 5 or 96 // self.downsample < 2 ** len(self.filters):
            raise ValueError(f"conv5 of {len(self.filters)} blocks halves the image to nothing")

    @classmethod
    def tiny(cls) -> Conv5:
        return cls(
            filters=(4, 8), block_dropout=(0.0, 0.0), dense=(128,), dropout=0.0, downsample=4
        )

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        inputs, x = gray_input(self.downsample)
        for filters, dropout in zip(self.filters, self.block_dropout, strict=True):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.BatchNormalization()(x)
            x = layers.MaxPooling2D(2)(x)
            x = layers.Dropout(dropout)(x)
        x = layers.Flatten()(x)
        for units in self.dense:
            x = layers.Dense(units, activation="relu")(x)
            x = layers.Dropout(self.dropout)(x)
        return Model(inputs, pixel_output(x, outputs), name=self.name)
