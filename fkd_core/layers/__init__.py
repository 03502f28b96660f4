"""Layers that Keras lacks. Importing this room imports Keras, and registers them for loading."""

from fkd_core.layers.aligning import Restore, Straighten
from fkd_core.layers.around_mean import AroundMean
from fkd_core.layers.batch_norm import BatchNorm
from fkd_core.layers.expected_cell import ExpectedCell
from fkd_core.layers.grouped import GroupedConv2D
from fkd_core.layers.soft_argmax import SoftArgmax
from fkd_core.layers.standardise import Standardise
from fkd_core.layers.unshared import UnsharedConv2D

__all__ = [
    "AroundMean",
    "BatchNorm",
    "ExpectedCell",
    "GroupedConv2D",
    "Restore",
    "SoftArgmax",
    "Standardise",
    "Straighten",
    "UnsharedConv2D",
]
