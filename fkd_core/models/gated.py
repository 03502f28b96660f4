"""Gated: Plain's convolutions, whose channels a face weighs itself; the best for its compute."""

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
class Gated(Architecture):
    """A compact network of our own: 286,780 parameters for 30 outputs, 261,392 for 8.

    Four times a convolution, 2x2 max-pooling, normalisation and ReLU, with twice the channels each
    time; the first is of 6x6 and stride 2, so that it sees every pixel, the others are of 3x3. On
    the last map, where they cost little, residual 3x3 convolutions follow (He et al. 2015, arXiv
    1512.03385). Gates follow on all but the first map: each channel is multiplied by 0 to 2, as
    the means of all channels say (squeeze and excitation: Hu et al. 2018, arXiv 1709.01507, there
    by 0 to 1). Then one linear layer on the flattened map gives offsets from the mean face.
    Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "gated"
    starts_at_mean: ClassVar[bool] = True

    width: int = 16
    """Channels of the first convolution, 1..256; the others have 2, 4 and 8 times as many."""
    residual: int = 1
    """Residual convolutions on the last map, 0..8."""
    squeeze: int = 8
    """Channels to one unit in a gate's hidden layer, which has at least 8; 1..64."""
    normalisation: Normalisation = "batch"
    """Normalisation after each pooling and in residual convolutions: none, batch or layer."""
    dropout: float = 0.0
    """Dropout before the linear layer, 0..0.9."""

    def __post_init__(self) -> None:
        self.require("width", 1, 256)
        self.require("residual", 0, 8)
        self.require("squeeze", 1, 64)
        self.require_one_of("normalisation", NORMALISATIONS)
        self.require("dropout", 0.0, 0.9)

    @classmethod
    def tiny(cls) -> Gated:
        return cls(width=4)

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        def convolution(x: Any, channels: int, size: int = 3, stride: int = 1) -> Any:
            bias = self.normalisation == "none"
            return layers.Conv2D(channels, size, stride, padding="same", use_bias=bias)(x)

        def active(x: Any) -> Any:
            return layers.ReLU()(normalise(x, self.normalisation))

        def gate(x: Any, channels: int) -> Any:
            said = layers.GlobalAveragePooling2D(keepdims=True)(x)
            said = layers.Dense(max(8, channels // self.squeeze), activation="relu")(said)
            said = layers.Dense(channels, activation="sigmoid")(said)
            return layers.Multiply()([x, layers.Rescaling(2.0)(said)])  # 1 at first

        inputs, x = standardised_input()
        for stage in range(4):
            channels = self.width * 2**stage
            x = convolution(x, channels) if stage else convolution(x, channels, 6, 2)
            x = active(layers.MaxPooling2D(2)(x))
            for _ in range(self.residual if stage == 3 else 0):
                x = layers.Add()([x, active(convolution(x, channels))])
            x = gate(x, channels) if stage else x
        if self.dropout:
            x = layers.Dropout(self.dropout)(x)
        return Model(inputs, mean_face_output(x, outputs), name=self.name)
