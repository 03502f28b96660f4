"""What every objective does: a codec between coordinates and what a layer puts out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Objective(ABC):
    """What one layer of a network is taught: how labels are encoded for it, what is minimised, and
    how coordinates come back from what it puts out.

    Coordinates are pixels [B, 2p], x and y of each point, NaN where unlabelled; what the layer
    puts out has the form that the objective says. All of it is written in Keras operations, so
    that either backend compiles it.
    """

    layer: str
    """Name of the layer whose output is judged."""
    weight: float = 1.0
    """How much it counts in what a fit minimises."""

    @abstractmethod
    def encode(self, targets: Any) -> Any:
        """What the layer should put out, for targets that are all finite."""

    @abstractmethod
    def loss(self, targets: Any, output: Any) -> Any:
        """A number, the mean over what is labelled: squared pixels, or what stands for them.
        Unlabelled points add nothing to it and nothing to its gradient."""

    @abstractmethod
    def decode(self, output: Any) -> Any:
        """The coordinates that the output says; for symbolic tensors, the layers that do it."""
