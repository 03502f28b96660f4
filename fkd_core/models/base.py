"""What all Level-1 architectures share: their form, and the layers at their two ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from fkd_core.keypoints import IMAGE_SIZE

GRAY_CENTRE, GRAY_SPREAD = 128.0, 64.0
PIXEL_CENTRE, PIXEL_SPREAD = (IMAGE_SIZE - 1) / 2, IMAGE_SIZE / 2


@dataclass(frozen=True)
class Architecture(ABC):
    """Hyperparameters of one Level-1 model; the defaults rebuild the reference.

    Subclasses are frozen dataclasses whose fields are plain values or tuples of them. Every model
    takes gray levels 0..255 as float [B, 96, 96, 1] and gives pixels [B, outputs] in the order
    x, y of its pipeline's keypoints; standardising and scaling are layers, so they are stored
    with the model.
    """

    name: ClassVar[str]

    @abstractmethod
    def build(self, outputs: int) -> Any:
        """A new keras.Model with fresh weights from Keras's global seed."""

    @classmethod
    @abstractmethod
    def tiny(cls) -> Architecture:
        """The smallest configuration with every kind of layer, for tests."""

    def require(self, field: str, low: float, high: float) -> None:
        """Raises ValueError where the field, or an element of it, is outside low..high.

        Bounds given as int ask for whole numbers; a field whose default is a tuple needs one.
        """
        value = getattr(self, field)
        default = next(f.default for f in fields(self) if f.name == field)
        if isinstance(value, tuple) != isinstance(default, tuple):
            raise ValueError(f"{self.name}.{field} is {value!r}, not of the form {default!r}")
        for number in value if isinstance(value, tuple) else (value,):
            if not isinstance(number, int if isinstance(low, int) else int | float):
                kind = "whole number" if isinstance(low, int) else "number"
                raise ValueError(f"{self.name}.{field} is {number!r}, not a {kind}")
            if not low <= number <= high:
                raise ValueError(f"{self.name}.{field} is {number}, not {low}..{high}")

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary with the model's name; see ``models.from_json``."""
        return {"name": self.name} | {f.name: getattr(self, f.name) for f in fields(self)}


def gray_input(downsample: int = 1) -> tuple[Any, Any]:
    """The input tensor and its standardised form, averaged over `downsample`-sided squares."""
    from keras import Input, layers

    inputs = Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="gray")
    x = layers.AveragePooling2D(downsample)(inputs) if downsample > 1 else inputs
    return inputs, layers.Rescaling(1 / GRAY_SPREAD, -GRAY_CENTRE / GRAY_SPREAD)(x)


def pixel_output(x: Any, outputs: int) -> Any:
    """The linear output layer, scaled from about -1..1 to pixels."""
    from keras import layers

    # In float32 whatever the policy: bfloat16 knows coordinates to about 0.2 px only.
    x = layers.Dense(outputs, dtype="float32", name="coordinates")(x)
    return layers.Rescaling(PIXEL_SPREAD, PIXEL_CENTRE, dtype="float32", name="pixels")(x)
