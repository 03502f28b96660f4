"""Inception V1 (GoogLeNet): nine modules of parallel convolutions, and three heads blended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from fkd_core.models.base import (
    ACTIVATIONS,
    NORMALISATIONS,
    Activation,
    Architecture,
    Normalisation,
    activate,
    gray_input,
    normalise,
    pixel_output,
)
from fkd_core.objectives.base import Objective
from fkd_core.objectives.coordinates import Coordinates

HEADS = ("main", "aux1", "aux2")
BIAS = 0.2
"""Initial bias of the convolutions of the stem and the modules."""

Widths = tuple[int, int, int, int, int, int]
"""Channels of a module: 1x1; 3x3 reduced, 3x3; 5x5 reduced, 5x5; pooled."""
BLOCK_3: tuple[Widths, ...] = ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64))
BLOCK_4: tuple[Widths, ...] = (
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
)
BLOCK_5: tuple[Widths, ...] = ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128))


@dataclass(frozen=True)
class InceptionV1(Architecture):
    """The reference's Inception V1: 6,850,314 parameters for 30 outputs, 6,782,664 for 8.

    Two auxiliary heads, after modules 4a and 4d, are counted too: their outputs are part of the
    prediction. Paper: Szegedy et al. 2015, Going deeper with convolutions, arXiv 1409.4842.
    Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "inception_v1"

    head_losses: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """How much the error of the main, first and second auxiliary head counts, 0..10 each."""
    blend: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Weights of the three heads in the prediction, 0..10 each; only their ratio matters."""
    width: float = 1.0
    """Factor on all channels and hidden units, 0.05..4."""
    activation: Activation = "relu"
    """After every convolution and hidden dense layer."""
    normalisation: Normalisation = "none"
    """Between each convolution and its activation; replaces the convolution's bias."""
    trunk_dropout: float = 0.2
    """Dropout after modules 4a and 4d, before what their auxiliary heads see, 0..0.9."""
    dropout: float = 0.3
    """Dropout before each output layer, 0..0.9."""
    head: Literal["flatten", "average"] = "average"
    """How the main head sees the last feature map: all of it, or its mean over positions."""
    keep_resolution: bool = False
    """Whether the pools before modules 4a and 5a have stride 1: 12x12 to the end, not 6 and 3."""
    downsample: int = 1
    """Side of the squares averaged before the first convolution, 1..4."""

    def __post_init__(self) -> None:
        self.require("head_losses", 0.0, 10.0)
        self.require("blend", 0.0, 10.0)
        self.require("width", 0.05, 4.0)
        self.require_one_of("activation", ACTIVATIONS)
        self.require_one_of("normalisation", NORMALISATIONS)
        self.require("trunk_dropout", 0.0, 0.9)
        self.require("dropout", 0.0, 0.9)
        self.require_one_of("head", ("flatten", "average"))
        self.require_one_of("keep_resolution", (False, True))
        self.require("downsample", 1, 4)
        for field in ("head_losses", "blend"):
            weights = getattr(self, field)
            if len(weights) != len(HEADS) or not any(weights):
                raise ValueError(f"inception_v1.{field} is {weights}, not 3 weights, one above 0")
        for name, judged, blended in zip(HEADS, self.head_losses, self.blend, strict=True):
            if blended and not judged:
                raise ValueError(f"inception_v1 has {name} in its blend but not in head_losses")

    @classmethod
    def tiny(cls) -> InceptionV1:
        return cls(width=0.08, trunk_dropout=0.0, dropout=0.0, head="flatten", downsample=4)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        heads = zip(HEADS, self.head_losses, strict=True)
        return tuple(Coordinates(f"{name}_pixels", weight) for name, weight in heads)

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        stride = 1 if self.keep_resolution else 2
        inputs, x = gray_input(self.downsample)
        x = self._convolution(x, 64, 7, strides=2)
        x = layers.MaxPooling2D(3, 2, padding="same")(x)
        x = self._convolution(x, 64, 1)
        x = self._convolution(x, 192, 3)
        x = layers.MaxPooling2D(3, 2, padding="same")(x)
        for widths in BLOCK_3:
            x = self._module(x, widths)
        x = layers.MaxPooling2D(3, stride, padding="same")(x)
        x = self._module(x, BLOCK_4[0])
        x = layers.Dropout(self.trunk_dropout)(x)
        aux1 = self._auxiliary(x, "same", outputs, "aux1_")
        for widths in BLOCK_4[1:4]:
            x = self._module(x, widths)
        x = layers.Dropout(self.trunk_dropout)(x)
        aux2 = self._auxiliary(x, "valid", outputs, "aux2_")
        x = self._module(x, BLOCK_4[4])
        x = layers.MaxPooling2D(3, stride, padding="same")(x)
        for widths in BLOCK_5:
            x = self._module(x, widths)
        x = layers.Flatten()(x) if self.head == "flatten" else layers.GlobalAveragePooling2D()(x)
        main = pixel_output(layers.Dropout(self.dropout)(x), outputs, "main_")
        # A head of weight 0 stays in the graph, so every blend has the same weights to store.
        shares = [
            layers.Rescaling(weight / sum(self.blend), dtype="float32", name=f"{name}_share")(head)
            for name, weight, head in zip(HEADS, self.blend, (main, aux1, aux2), strict=True)
        ]
        pixels = layers.Add(dtype="float32", name="pixels")(shares)
        return Model(inputs, pixels, name=self.name)

    def _channels(self, reference: int) -> int:
        return max(1, round(self.width * reference))

    def _convolution(
        self, x: Any, channels: int, size: int, strides: int = 1, bias: float = BIAS
    ) -> Any:
        from keras import initializers, layers

        x = layers.Conv2D(
            self._channels(channels),
            size,
            strides,
            padding="same",
            use_bias=self.normalisation == "none",
            bias_initializer=initializers.Constant(bias),
        )(x)
        return activate(normalise(x, self.normalisation), self.activation)

    def _module(self, x: Any, widths: Widths) -> Any:
        from keras import layers

        one, three_reduced, three, five_reduced, five, pooled = widths
        branches = [
            self._convolution(x, one, 1),
            self._convolution(self._convolution(x, three_reduced, 1), three, 3),
            self._convolution(self._convolution(x, five_reduced, 1), five, 5),
            self._convolution(layers.MaxPooling2D(3, 1, padding="same")(x), pooled, 1),
        ]
        return layers.Concatenate()(branches)

    def _auxiliary(self, x: Any, padding: str, outputs: int, prefix: str) -> Any:
        from keras import layers

        # Downsampled images may leave fewer than the reference's 5 positions a side.
        x = layers.AveragePooling2D(min(5, x.shape[1]), 3, padding=padding)(x)
        x = layers.Flatten()(self._convolution(x, 128, 1, bias=0.0))
        x = activate(layers.Dense(self._channels(1024))(x), self.activation)
        return pixel_output(layers.Dropout(self.dropout)(x), outputs, prefix)
