"""Plain: four convolutions and one linear layer on small pictures, for minutes of compute."""

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
class Plain(Architecture):
    """A compact network of our own: 132,492 parameters for 30 outputs, 107,104 for 8.

    Four times a 3x3 convolution, 2x2 max-pooling, normalisation and ReLU, with twice the channels
    each time; then one linear layer on the flattened map gives offsets from the mean face.
    Pooling comes first, so that a quarter of the positions is left to normalise.
    Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "plain"
    starts_at_mean: ClassVar[bool] = True

    width: int = 16
    """Channels of the first convolution, 1..256; the others have 2, 4 and 8 times as many."""
    normalisation: Normalisation = "batch"
    """Normalisation after each pooling: none, batch or layer."""
    dropout: float = 0.0
    """Dropout before the linear layer, 0..0.9."""
    downsample: int = 2
    """Side of the squares averaged before the first convolution, 1..2."""

    def __post_init__(self) -> None:
        self.require("width", 1, 256)
        self.require_one_of("normalisation", NORMALISATIONS)
        self.require("dropout", 0.0, 0.9)
        self.require("downsample", 1, 2)

    @classmethod
    def tiny(cls) -> Plain:
        return cls(width=4)

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        inputs, x = standardised_input(self.downsample)
        for factor in (1, 2, 4, 8):
            bias = self.normalisation == "none"
            x = layers.Conv2D(factor * self.width, 3, padding="same", use_bias=bias)(x)
            x = layers.MaxPooling2D(2)(x)
            x = layers.ReLU()(normalise(x, self.normalisation))
        if self.dropout:
            x = layers.Dropout(self.dropout)(x)
        return Model(inputs, mean_face_output(x, outputs), name=self.name)
