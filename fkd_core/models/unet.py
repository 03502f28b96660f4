"""UNet: fine feature maps that still see the whole face, for position-wise objectives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.models.base import (
    NORMALISATIONS,
    Architecture,
    Normalisation,
    normalise,
    standardised_input,
)
from fkd_core.objectives.base import Objective
from fkd_core.objectives.cells import Cells
from fkd_core.objectives.coordinates import Coordinates
from fkd_core.objectives.heatmap import Heatmap
from fkd_core.objectives.simcc import SimCC

Says = Literal["heatmap", "simcc"]
SAYS: tuple[Says, ...] = ("heatmap", "simcc")


@dataclass(frozen=True)
class UNet(Architecture):
    """A U-Net: 1,950,991 parameters for 30 outputs, 1,950,628 for 8.

    Blocks of two 3x3 convolutions; max-pooling on the way down, nearest-neighbour upsampling and
    concatenation with the block of equal size on the way up. The map at the end has a border of a
    twelfth around the picture, so that points outside it can be said. Paper: Ronneberger, Fischer
    and Brox 2015, arXiv 1505.04597. Many more steps than a compact network takes, so for GPUs.
    Input [B, 96, 96, 1], output [B, outputs]. Raises ValueError for values outside their range.
    """

    name: ClassVar[str] = "unet"

    width: int = 32
    """Channels of the first block, 1..256; twice as many after each pooling."""
    depth: int = 3
    """Poolings, 1..4; the side of the padded picture must allow for them."""
    says: Says = "heatmap"
    """How points are said: heatmap, one a point, or simcc, two classifications a point."""
    sigma: float = 2.0
    """Deviation in pixels of the Gaussian that the objective wants about a label, 0.5..20."""
    narrow: float = 30.0
    """How many px^2 of error a nat of that objective counts as, 0..100000."""
    normalisation: Normalisation = "batch"
    """Normalisation after each convolution: none, batch or layer."""
    dropout: float = 0.0
    """Dropout after the smallest block, 0..0.9."""
    downsample: int = 2
    """Side of the squares averaged before the first convolution, 1..4."""

    def __post_init__(self) -> None:
        self.require("width", 1, 256)
        self.require("depth", 1, 4)
        self.require_one_of("says", SAYS)
        self.require("sigma", 0.5, 20.0)
        self.require("narrow", 0.0, 1e5)
        self.require_one_of("normalisation", NORMALISATIONS)
        self.require("dropout", 0.0, 0.9)
        self.require("downsample", 1, 4)
        if self.cells.number % 2**self.depth:
            raise ValueError(
                f"unet at downsample {self.downsample} has maps of {self.cells.number}, which "
                f"cannot be halved {self.depth} times"
            )

    @classmethod
    def tiny(cls) -> UNet:
        return cls(width=8, depth=2, downsample=4)

    @property
    def cells(self) -> Cells:
        """Positions of the map at the end, along either axis."""
        inside = IMAGE_SIZE // self.downsample
        return Cells(inside, inside // 12)

    @property
    def _objective(self) -> Heatmap | SimCC:
        if self.says == "heatmap":
            return Heatmap("heatmaps", self.narrow, self.cells, self._cells(self.cells))
        fine = Cells(2 * IMAGE_SIZE, IMAGE_SIZE // 6)
        return SimCC("classes", self.narrow, fine, self._cells(fine))

    def _cells(self, cells: Cells) -> float:
        """The Gaussian's deviation in cells; half a cell at least, as they can say it."""
        return max(0.5, self.sigma / cells.size)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Coordinates(), self._objective)

    def build(self, outputs: int) -> Any:
        from keras import Model, layers

        inputs, x = standardised_input(self.downsample)
        x = layers.ZeroPadding2D(self.cells.beyond)(x)
        passed = []
        for level in range(self.depth):
            x = self._block(x, self.width * 2**level)
            passed.append(x)
            x = layers.MaxPooling2D(2)(x)
        x = self._block(x, self.width * 2**self.depth)
        if self.dropout:
            x = layers.Dropout(self.dropout)(x)
        for level in reversed(range(self.depth)):
            x = layers.Concatenate()([layers.UpSampling2D(2)(x), passed[level]])
            x = self._block(x, self.width * 2**level)
        said = self._heatmaps(x, outputs) if self.says == "heatmap" else self._classes(x, outputs)
        return Model(inputs, self._objective.decode(said), name=self.name)

    def _block(self, x: Any, channels: int) -> Any:
        from keras import layers

        for _ in range(2):
            bias = self.normalisation == "none"
            x = layers.Conv2D(channels, 3, padding="same", use_bias=bias)(x)
            x = layers.ReLU()(normalise(x, self.normalisation))
        return x

    def _heatmaps(self, x: Any, outputs: int) -> Any:
        """Logits [B, n, n, outputs / 2]. In float32 whatever the policy, as pixels are."""
        from keras import layers

        return layers.Conv2D(outputs // 2, 1, dtype="float32", name="heatmaps")(x)

    def _classes(self, x: Any, outputs: int) -> Any:
        """Logits [B, outputs, cells] from one map a point, its positions as features."""
        from keras import layers

        n, cells = self.cells.number, self._objective.cells.number
        x = layers.Conv2D(outputs // 2, 1)(x)
        x = layers.Reshape((outputs // 2, n * n))(layers.Permute((3, 1, 2))(x))
        x = layers.Dense(2 * cells, dtype="float32")(x)
        return layers.Reshape((outputs, cells), dtype="float32", name="classes")(x)
