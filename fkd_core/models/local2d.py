"""Local2D: three convolution blocks, then one whose weights belong to its place in the image."""

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
class Local2D(Architecture):
    """The reference's KAGGLE2: 2,487,326 parameters for 30 outputs, 2,476,040 for 8.

    Of these 2,361,344 are the unshared convolution's, see ``layers.UnsharedConv2D``. Input
    [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "local2d"

    filters: tuple[int, ...] = (32, 64, 128)
    """Channels of the shared 3x3 convolutions, 1..1024 each; one block each, at most 4."""
    block_dropout: tuple[float, ...] = (0.20, 0.20, 0.20)
    """Dropout at the end of each block, 0..0.9; as many as filters."""
    unshared: tuple[int, ...] = (32,)
    """Channels of the unshared 3x3 convolutions after the blocks, 1..256 each; 1 to 3 of them."""
    dense: tuple[int, ...] = (512,)
    """Units of the hidden dense layers, 1..4096 each; soft_argmax has none."""
    dropout: float = 0.15
    """Dropout after each hidden dense layer, 0..0.9."""
    activation: Activation = "leaky_relu"
    """Activation of the convolutions."""
    dense_activation: Activation = "relu"
    """Activation of the hidden dense layers."""
    normalisation: Normalisation = "batch"
    """Normalisation after each convolution's activation: none, batch or layer."""
    head: Head = "average"
    """From feature map to coordinates: flatten, average or soft_argmax."""
    downsample: int = 1
    """Side of the squares averaged before the first convolution, 1..4."""

    def __post_init__(self) -> None:
        self.require("filters", 1, 1024)
        self.require("block_dropout", 0.0, 0.9)
        self.require("unshared", 1, 256)
        self.require("dense", 1, 4096)
        self.require("dropout", 0.0, 0.9)
        self.require_one_of("activation", ACTIVATIONS)
        self.require_one_of("dense_activation", ACTIVATIONS)
        self.require_one_of("normalisation", NORMALISATIONS)
        self.require_one_of("head", HEADS)
        self.require("downsample", 1, 4)
        blocks, unshared = len(self.filters), len(self.unshared)
        if blocks != len(self.block_dropout):
            raise ValueError(
                f"local2d has {blocks} filters and {len(self.block_dropout)} block_dropout "
                "values; give as many of each"
            )
        if not (1 <= blocks <= 4 and 1 <= unshared <= 3):
            raise ValueError(
                f"local2d has 1..4 filters and 1..3 unshared, not {blocks} and {unshared}"
            )
        side = IMAGE_SIZE // self.downsample
        for _ in self.filters:
            side = (side - 2) // 2
        if side - 2 * unshared < 1:
            raise ValueError(
                f"local2d of {blocks} blocks and {unshared} unshared convolutions shrinks the "
                f"image to nothing at downsample {self.downsample}"
            )

    @classmethod
    def tiny(cls) -> Local2D:
        return cls(
            filters=(8,),
            block_dropout=(0.0,),
            unshared=(16,),
            dense=(128,),
            dropout=0.0,
            downsample=4,
        )

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        from fkd_core.layers import UnsharedConv2D

        inputs, x = gray_input(self.downsample)
        for filters, dropout in zip(self.filters, self.block_dropout, strict=True):
            x = layers.Conv2D(filters, 3)(x)
            x = normalise(activate(x, self.activation), self.normalisation)
            x = layers.MaxPooling2D(2)(x)
            x = layers.Dropout(dropout)(x)
        for filters in self.unshared:
            x = UnsharedConv2D(filters)(x)
            x = normalise(activate(x, self.activation), self.normalisation)
        return Model(inputs, head(x, self.head, outputs, self._hidden), name=self.name)

    def _hidden(self, x: Any) -> Any:
        from keras import layers

        for units in self.dense:
            x = activate(layers.Dense(units)(x), self.dense_activation)
            x = layers.Dropout(self.dropout)(x)
        return x
