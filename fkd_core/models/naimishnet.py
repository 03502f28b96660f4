"""NaimishNet: one small network a keypoint, all in one model."""

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
    normalise,
)
from fkd_core.objectives.coordinates import to_pixels


@dataclass(frozen=True)
class NaimishNet(Architecture):
    """One network a keypoint: 112,334,430 parameters for 30 outputs, 29,955,848 for 8.

    That is 7,488,962 a keypoint. The branches share the input only; trained together on fully
    labelled faces, each gets its own network's gradient divided by the number of keypoints, a
    factor that Adam cancels. Paper: Agarwal, Krohn-Grimberghe and Vyas 2017, Facial Key Points
    Detection using Deep Convolutional Neural Network - NaimishNet, arXiv 1710.00977. Input
    [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "naimishnet"

    filters: tuple[int, ...] = (32, 64, 128, 256)
    """Channels of a branch's convolutions, 1..512 each; one block each, at most 5."""
    kernels: tuple[int, ...] = (4, 3, 2, 1)
    """Sides of the convolutions' kernels, 1..7; as many as filters."""
    block_dropout: tuple[float, ...] = (0.10, 0.20, 0.30, 0.40)
    """Dropout at the end of each block, 0..0.9; as many as filters."""
    dense: tuple[int, ...] = (1000, 1000)
    """Units of a branch's hidden dense layers, 1..2048 each; soft_argmax has none."""
    dense_dropout: tuple[float, ...] = (0.50, 0.60)
    """Dropout after each hidden dense layer, 0..0.9; as many as dense."""
    activation: Activation = "elu"
    """Activation of the convolutions and the hidden dense layers."""
    linear_last: bool = True
    """Whether the last hidden dense layer has no activation, as in the paper."""
    normalisation: Normalisation = "none"
    """Normalisation after each convolution's activation: none, batch or layer."""
    head: Head = "flatten"
    """From a branch's feature map to its two coordinates: flatten, average or soft_argmax."""
    downsample: int = 1
    """Side of the squares averaged before the branches, 1..4."""

    def __post_init__(self) -> None:
        self.require("filters", 1, 512)
        self.require("kernels", 1, 7)
        self.require("block_dropout", 0.0, 0.9)
        self.require("dense", 1, 2048)
        self.require("dense_dropout", 0.0, 0.9)
        self.require_one_of("activation", ACTIVATIONS)
        self.require_one_of("linear_last", (False, True))
        self.require_one_of("normalisation", NORMALISATIONS)
        self.require_one_of("head", HEADS)
        self.require("downsample", 1, 4)
        blocks = len(self.filters)
        if not 1 <= blocks <= 5 or {blocks} != {len(self.kernels), len(self.block_dropout)}:
            raise ValueError(
                f"naimishnet has {blocks} filters, {len(self.kernels)} kernels and "
                f"{len(self.block_dropout)} block_dropout values; give as many of each, 1..5"
            )
        if len(self.dense) != len(self.dense_dropout):
            raise ValueError(
                f"naimishnet has {len(self.dense)} dense and {len(self.dense_dropout)} "
                "dense_dropout values; give as many of each"
            )
        side = IMAGE_SIZE // self.downsample
        for kernel in self.kernels:
            side = (side - kernel + 1) // 2
        if side < 1:
            raise ValueError(
                f"naimishnet of kernels {self.kernels} shrinks the image to nothing "
                f"at downsample {self.downsample}"
            )

    @classmethod
    def tiny(cls) -> NaimishNet:
        return cls(
            filters=(16,),
            kernels=(3,),
            block_dropout=(0.0,),
            dense=(16,),
            dense_dropout=(0.0,),
            downsample=4,
        )

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        inputs, x = gray_input(self.downsample)
        points = [self._branch(x, f"point{i}") for i in range(outputs // 2)]
        # Keras concatenates no fewer than two. For float32 see base.pixel_output.
        joined = layers.Concatenate(dtype="float32")(points) if len(points) > 1 else points[0]
        return Model(inputs, to_pixels(joined), name=self.name)

    def _branch(self, x: Any, point: str) -> Any:
        """Scaled coordinates [B, 2] of one keypoint; kernels start as Glorot's uniform."""
        from keras import layers

        blocks = zip(self.filters, self.kernels, self.block_dropout, strict=True)
        for i, (filters, kernel, dropout) in enumerate(blocks):
            x = layers.Conv2D(filters, kernel, name=f"{point}_conv{i}")(x)
            x = normalise(activate(x, self.activation), self.normalisation)
            x = layers.MaxPooling2D(2)(x)
            x = layers.Dropout(dropout)(x)
        coordinates = f"{point}_coordinates"
        if self.head == "soft_argmax":
            from fkd_core.layers import SoftArgmax

            x = layers.Conv2D(1, 1, dtype="float32", name=f"{point}_heatmap")(x)
            return SoftArgmax(name=coordinates)(x)
        x = layers.Flatten()(x) if self.head == "flatten" else layers.GlobalAveragePooling2D()(x)
        for i, (units, dropout) in enumerate(zip(self.dense, self.dense_dropout, strict=True)):
            x = layers.Dense(units, name=f"{point}_dense{i}")(x)
            if not (self.linear_last and i == len(self.dense) - 1):
                x = activate(x, self.activation)
            x = layers.Dropout(dropout)(x)
        return layers.Dense(2, dtype="float32", name=coordinates)(x)
