"""Conv2D 10-layer: pairs of convolutions, most of them pooled, then a dense layer."""

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
class Conv10(Architecture):
    """The reference's KAGGLE1: 28,526,398 parameters for 30 outputs, 28,503,848 for 8.

    It has 14 convolutions, for all its name. The version of its slides, 7.269M parameters, is
    ``Conv10.of_the_slides()``. Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for
    values outside their range.
    """

    name: ClassVar[str] = "conv10"

    filters: tuple[int, ...] = (32, 64, 96, 128, 256, 512, 1024)
    """Channels of the 3x3 convolutions, 1..2048 each; two convolutions each, at most 8 pairs."""
    block_dropout: tuple[float, ...] = (0.20, 0.25, 0.15, 0.30, 0.20, 0.30, 0.0)
    """Dropout at the end of each pair, 0..0.9; as many as filters."""
    pools: int = 5
    """How many of the pairs, from the first on, end in max-pooling (before dropout), 0..6."""
    dense: tuple[int, ...] = (1024,)
    """Units of the hidden dense layers, 1..4096 each; soft_argmax has none."""
    dropout: float = 0.15
    """Dropout after each hidden dense layer, 0..0.9."""
    activation: Activation = "leaky_relu"
    """Activation of the convolutions."""
    dense_activation: Activation = "relu"
    """Activation of the hidden dense layers."""
    normalisation: Normalisation = "batch"
    """Normalisation after each convolution's activation: none, batch or layer."""
    head: Head = "flatten"
    """From feature map to coordinates: flatten, average or soft_argmax."""
    downsample: int = 1
    """Side of the squares averaged before the first convolution, 1..4."""

    def __post_init__(self) -> None:
        self.require("filters", 1, 2048)
        self.require("block_dropout", 0.0, 0.9)
        self.require("pools", 0, 6)
        self.require("dense", 1, 4096)
        self.require("dropout", 0.0, 0.9)
        self.require_one_of("activation", ACTIVATIONS)
        self.require_one_of("dense_activation", ACTIVATIONS)
        self.require_one_of("normalisation", NORMALISATIONS)
        self.require_one_of("head", HEADS)
        self.require("downsample", 1, 4)
        pairs = len(self.filters)
        if pairs != len(self.block_dropout):
            raise ValueError(
                f"conv10 has {pairs} filters and {len(self.block_dropout)} block_dropout values; "
                "give as many of each"
            )
        if not max(1, self.pools) <= pairs <= 8:
            raise ValueError(f"conv10 has 1..8 filters, not {pairs}, and pools after at most each")
        if IMAGE_SIZE // self.downsample < 2**self.pools:
            raise ValueError(f"conv10 with {self.pools} pools halves the image to nothing")

    @classmethod
    def tiny(cls) -> Conv10:
        return cls(
            filters=(4, 8),
            block_dropout=(0.0, 0.0),
            pools=1,
            dense=(128,),
            dropout=0.0,
            downsample=4,
        )

    @classmethod
    def of_the_slides(cls) -> Conv10:
        """The earlier version, 7,268,670 parameters for 30 outputs: 12 convolutions."""
        return cls(
            filters=(32, 64, 96, 128, 256, 512),
            block_dropout=(0.20, 0.25, 0.15, 0.30, 0.20, 0.0),
            dense=(512,),
        )

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        inputs, x = gray_input(self.downsample)
        # As in the reference, convolutions that are normalised have no bias.
        bias = self.normalisation == "none"
        pairs = zip(self.filters, self.block_dropout, strict=True)
        for pair, (filters, dropout) in enumerate(pairs):
            for _ in range(2):
                x = layers.Conv2D(filters, 3, padding="same", use_bias=bias)(x)
                x = normalise(activate(x, self.activation), self.normalisation)
            if pair < self.pools:
                x = layers.MaxPooling2D(2)(x)
            x = layers.Dropout(dropout)(x)
        return Model(inputs, head(x, self.head, outputs, self._hidden), name=self.name)

    def _hidden(self, x: Any) -> Any:
        from keras import layers

        for units in self.dense:
            x = activate(layers.Dense(units)(x), self.dense_activation)
            x = layers.Dropout(self.dropout)(x)
        return x
