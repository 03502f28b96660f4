"""LeNet5: two small convolutions and three dense layers; cheap enough to be the probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fkd_core.models.base import Architecture, gray_input, pixel_output


@dataclass(frozen=True)
class LeNet5(Architecture):
    """LeNet5 as the reference widened it: 4,105,418 parameters for 30 outputs, 4,099,764 for 8.

    Paper: LeCun et al. 1998, Gradient-based learning applied to document recognition.
    Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "lenet5"

    filters: tuple[int, int] = (6, 16)
    """Channels of the two 3x3 convolutions, 1..256 each."""
    dense: tuple[int, ...] = (512, 256)
    """Units of the hidden dense layers, 1..4096 each."""
    dropout: float = 0.0
    """Dropout before each hidden dense layer, 0..0.9; the reference has none."""
    downsample: int = 1
    """Side of the squares averaged before the first convolution, 1..4; 2 is about 4x cheaper."""

    def __post_init__(self) -> None:
        self.require("filters", 1, 256)
        self.require("dense", 1, 4096)
        self.require("dropout", 0.0, 0.9)
        self.require("downsample", 1, 4)
        if len(self.filters) != 2:
            raise ValueError(f"lenet5 has 2 convolutions, but filters is {self.filters}")

    @classmethod
    def tiny(cls) -> LeNet5:
        return cls(filters=(4, 8), dense=(64, 32), downsample=4)

    @classmethod
    def light(cls) -> LeNet5:
        """The probe of augmentation searches: about twenty times cheaper than the reference."""
        return cls(dense=(128, 64), downsample=2)

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        inputs, x = gray_input(self.downsample)
        for filters in self.filters:
            x = layers.Conv2D(filters, 3, activation="relu")(x)
            x = layers.AveragePooling2D(2)(x)
        x = layers.Flatten()(x)
        for units in self.dense:
            if self.dropout:
                x = layers.Dropout(self.dropout)(x)
            x = layers.Dense(units, activation="relu")(x)
        return Model(inputs, pixel_output(x, outputs), name=self.name)
