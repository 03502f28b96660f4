"""Inception V3: factorised convolutions in three kinds of parallel modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fkd_core.models.base import HEADS, Architecture, Head, gray_input, head


@dataclass(frozen=True)
class InceptionV3(Architecture):
    """Inception V3 for gray faces: 21,863,678 parameters for 30 outputs, 21,818,600 for 8.

    At 96x96 the published padding leaves one position before the head, so all knowledge of where
    a point lies must have become channels by then; ``keep_resolution`` leaves 6x6. Paper: Szegedy
    et al. 2016, Rethinking the Inception architecture for computer vision, arXiv 1512.00567.
    Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "inception_v3"

    blocks: tuple[int, int, int] = (3, 4, 2)
    """Modules of each kind, 1..8: with 5x5, with 1x7 and 7x1, with 1x3 and 3x1 convolutions."""
    width: float = 1.0
    """Factor on all channels, 0.02..4."""
    momentum: float = 0.99
    """Share of the running mean and variance that a step keeps, 0.5..0.9999; the lower, the fewer
    steps until predictions agree with training."""
    dropout: float = 0.3
    """Dropout before the output layer, 0..0.9; a soft_argmax head has none."""
    head: Head = "average"
    """How the last feature map becomes coordinates; flatten is average where it is 1x1."""
    keep_resolution: bool = False
    """Whether every layer pads and the last reduction has stride 1: 6x6 at the end, not 1x1."""
    downsample: int = 1
    """Side of the squares averaged before the first convolution, 1..4; above 1 with
    keep_resolution only."""

    def __post_init__(self) -> None:
        self.require("blocks", 1, 8)
        self.require("width", 0.02, 4.0)
        self.require("momentum", 0.5, 0.9999)
        self.require("dropout", 0.0, 0.9)
        self.require_one_of("head", HEADS)
        self.require_one_of("keep_resolution", (False, True))
        self.require("downsample", 1, 4)
        if len(self.blocks) != 3:
            raise ValueError(f"inception_v3 has 3 kinds of modules, but blocks is {self.blocks}")
        if self.downsample > 1 and not self.keep_resolution:
            raise ValueError(
                f"inception_v3 with downsample {self.downsample} shrinks the image to nothing; "
                "set keep_resolution"
            )

    @classmethod
    def tiny(cls) -> InceptionV3:
        return cls(
            blocks=(1, 1, 1),
            width=0.03,
            momentum=0.9,
            dropout=0.0,
            head="flatten",
            keep_resolution=True,
            downsample=4,
        )

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        inputs, x = gray_input(self.downsample)
        x = self._convolution(x, 32, 3, strides=2, padding=self._padding)
        x = self._convolution(x, 32, 3, padding=self._padding)
        x = self._convolution(x, 64, 3)
        x = layers.MaxPooling2D(3, 2, padding=self._padding)(x)
        x = self._convolution(x, 80, 1)
        x = self._convolution(x, 192, 3, padding=self._padding)
        x = layers.MaxPooling2D(3, 2, padding=self._padding)(x)
        five, seven, three = self.blocks
        for i in range(five):
            x = self._five(x, pooled=32 if i == 0 else 64)
        x = self._first_reduction(x)
        for i in range(seven):
            x = self._seven(x, narrow=128 if i == 0 else 192 if i == seven - 1 else 160)
        x = self._last_reduction(x)
        for _ in range(three):
            x = self._three(x)
        pixels = head(x, self.head, outputs, layers.Dropout(self.dropout))
        return Model(inputs, pixels, name=self.name)

    @property
    def _padding(self) -> str:
        return "same" if self.keep_resolution else "valid"

    def _convolution(
        self,
        x: Any,
        channels: int,
        size: int | tuple[int, int],
        strides: int = 1,
        padding: str = "same",
    ) -> Any:
        from keras import layers

        from fkd_core.layers import BatchNorm

        channels = max(1, round(self.width * channels))
        x = layers.Conv2D(channels, size, strides, padding=padding, use_bias=False)(x)
        # Without a scale: the next convolution can scale what ReLU lets through.
        x = BatchNorm(momentum=self.momentum, scale=False)(x)
        return layers.ReLU()(x)

    def _pooled(self, x: Any, channels: int) -> Any:
        from keras import layers

        return self._convolution(layers.AveragePooling2D(3, 1, padding="same")(x), channels, 1)

    def _five(self, x: Any, pooled: int) -> Any:
        from keras import layers

        one = self._convolution(x, 64, 1)
        five = self._convolution(self._convolution(x, 48, 1), 64, 5)
        double = self._convolution(self._convolution(x, 64, 1), 96, 3)
        double = self._convolution(double, 96, 3)
        return layers.Concatenate()([one, five, double, self._pooled(x, pooled)])

    def _first_reduction(self, x: Any) -> Any:
        from keras import layers

        three = self._convolution(x, 384, 3, 2, self._padding)
        double = self._convolution(self._convolution(x, 64, 1), 96, 3)
        double = self._convolution(double, 96, 3, 2, self._padding)
        pooled = layers.MaxPooling2D(3, 2, padding=self._padding)(x)
        return layers.Concatenate()([three, double, pooled])

    def _seven(self, x: Any, narrow: int) -> Any:
        from keras import layers

        one = self._convolution(x, 192, 1)
        seven = self._convolution(x, narrow, 1)
        seven = self._convolution(seven, narrow, (1, 7))
        seven = self._convolution(seven, 192, (7, 1))
        double = self._convolution(x, narrow, 1)
        double = self._convolution(double, narrow, (7, 1))
        double = self._convolution(double, narrow, (1, 7))
        double = self._convolution(double, narrow, (7, 1))
        double = self._convolution(double, 192, (1, 7))
        return layers.Concatenate()([one, seven, double, self._pooled(x, 192)])

    def _last_reduction(self, x: Any) -> Any:
        from keras import layers

        stride = 1 if self.keep_resolution else 2
        three = self._convolution(self._convolution(x, 192, 1), 320, 3, stride, self._padding)
        seven = self._convolution(x, 192, 1)
        seven = self._convolution(seven, 192, (1, 7))
        seven = self._convolution(seven, 192, (7, 1))
        seven = self._convolution(seven, 192, 3, stride, self._padding)
        pooled = layers.MaxPooling2D(3, stride, padding=self._padding)(x)
        return layers.Concatenate()([three, seven, pooled])

    def _three(self, x: Any) -> Any:
        from keras import layers

        one = self._convolution(x, 320, 1)
        three = self._split(self._convolution(x, 384, 1))
        double = self._split(self._convolution(self._convolution(x, 448, 1), 384, 3))
        return layers.Concatenate()([one, *three, *double, self._pooled(x, 192)])

    def _split(self, x: Any) -> list[Any]:
        return [self._convolution(x, 384, size) for size in ((1, 3), (3, 1))]
