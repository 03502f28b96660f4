"""LeNet5: two small convolutions and three dense layers; cheap enough to be the probe."""

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
class LeNet5(Architecture):
    """LeNet5 as the reference widened it: 4,105,418 parameters for 30 outputs, 4,099,764 for 8.

    Paper: LeCun et al. 1998, Gradient-based learning applied to document recognition.
    Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "lenet5"

    filters: tuple[int, ...] = (6, 16)
    """Channels of the 3x3 convolutions, 1..256 each; 2 to 4 of them, each halving the image."""
    dense: tuple[int, ...] = (512, 256)
    """Units of the hidden dense layers, 1..4096 each; soft_argmax has none."""
    dropout: float = 0.0
    """Dropout before each hidden dense layer, 0..0.9; the reference has none."""
    activation: Activation = "relu"
    """Activation of the convolutions and the hidden dense layers."""
    normalisation: Normalisation = "none"
    """Normalisation after each convolution's activation: none, batch or layer."""
    head: Head = "flatten"
    """From feature map to coordinates: flatten, average or soft_argmax."""
    downsample: int = 1
    """Side of the squares averaged before the first convolution, 1..4; 2 is about 4x cheaper."""

    def __post_init__(self) -> None:
        self.require("filters", 1, 256)
        self.require("dense", 1, 4096)
        self.require("dropout", 0.0, 0.9)
        self.require_one_of("activation", ACTIVATIONS)
        self.require_one_of("normalisation", NORMALISATIONS)
        self.require_one_of("head", HEADS)
        self.require("downsample", 1, 4)
        if not 2 <= len(self.filters) <= 4:
            raise ValueError(f"lenet5 has 2..4 convolutions, but filters is {self.filters}")
        side = IMAGE_SIZE // self.downsample
        for _ in self.filters:
            side = (side - 2) // 2
        if side < 1:
            raise ValueError(
                f"lenet5 of filters {self.filters} shrinks the image to nothing "
                f"at downsample {self.downsample}"
            )

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
            x = layers.Conv2D(filters, 3)(x)
            x = normalise(activate(x, self.activation), self.normalisation)
            x = layers.AveragePooling2D(2)(x)
        return Model(inputs, head(x, self.head, outputs, self._hidden), name=self.name)

    def _hidden(self, x: Any) -> Any:
        from keras import layers

        for units in self.dense:
            if self.dropout:
                x = layers.Dropout(self.dropout)(x)
            x = activate(layers.Dense(units)(x), self.activation)
        return x
