"""Layers that Keras lacks. Importing this room imports Keras, and registers them for loading."""

from fkd_core.layers.grouped import GroupedConv2D
from fkd_core.layers.soft_argmax import SoftArgmax
from fkd_core.layers.unshared import UnsharedConv2D

__all__ = ["GroupedConv2D", "SoftArgmax", "UnsharedConv2D"]
