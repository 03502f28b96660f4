"""Coordinates themselves, under the masked squared error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.objectives.base import Objective

PIXEL_CENTRE, PIXEL_SPREAD = (IMAGE_SIZE - 1) / 2, IMAGE_SIZE / 2


@dataclass(frozen=True)
class Coordinates(Objective):
    """The layer puts out pixels [B, 2p]; their mean squared error in px^2 is minimised."""

    layer: str = "pixels"

    def encode(self, targets: Any) -> Any:
        return targets

    def loss(self, targets: Any, output: Any) -> Any:
        from keras import ops

        squares, count = errors(targets, output)
        return squares / ops.maximum(count, 1.0)

    def decode(self, output: Any) -> Any:
        return output


def errors(targets: Any, predicted: Any) -> tuple[Any, Any]:
    """Sum of squares in px^2 and labelled count, both of coordinates."""
    from keras import ops

    labelled = ops.isfinite(targets)
    error = ops.where(labelled, predicted - ops.where(labelled, targets, 0.0), 0.0)
    return ops.sum(error * error), ops.sum(ops.cast(labelled, "float32"))


def to_pixels(x: Any, spread: float = PIXEL_SPREAD, prefix: str = "") -> Any:
    """Pixels [B, 2p] from scaled coordinates, of which 1 is `spread` pixels from the middle; the
    layer's name is ``pixels`` after this prefix."""
    from keras import layers

    return layers.Rescaling(spread, PIXEL_CENTRE, dtype="float32", name=f"{prefix}pixels")(x)
