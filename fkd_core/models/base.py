"""What all Level-1 architectures share: their form, and the layers at their two ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.objectives.base import Objective
from fkd_core.objectives.coordinates import Coordinates, to_pixels

GRAY_CENTRE, GRAY_SPREAD = 128.0, 64.0
FACE_SPREAD = 8.0
"""Pixels that one unit of a linear layer is, where the output is an offset from the mean face."""

Activation = Literal["relu", "leaky_relu", "elu", "silu", "gelu"]
"""Leaky ReLU has slope 0.1, as in the reference."""
ACTIVATIONS: tuple[Activation, ...] = ("relu", "leaky_relu", "elu", "silu", "gelu")
Normalisation = Literal["none", "batch", "layer"]
"""Layer normalisation is over all positions and channels of a face."""
NORMALISATIONS: tuple[Normalisation, ...] = ("none", "batch", "layer")
Head = Literal["flatten", "average", "soft_argmax"]
"""How a feature map becomes coordinates: see ``head``."""
HEADS: tuple[Head, ...] = ("flatten", "average", "soft_argmax")


@dataclass(frozen=True)
class Architecture(ABC):
    """Hyperparameters of one Level-1 model; the defaults rebuild the reference.

    Subclasses are frozen dataclasses whose fields are plain values or tuples of them. Every model
    takes gray levels 0..255 as float [B, 96, 96, 1] and gives pixels [B, outputs] in the order
    x, y of its pipeline's keypoints; standardising and scaling are layers, so they are stored
    with the model.
    """

    name: ClassVar[str]
    starts_at_mean: ClassVar[bool] = False
    """Whether the output is around the training faces' mean: see ``mean_face_output``."""

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

    def require_one_of(self, field: str, choices: tuple[Any, ...]) -> None:
        """Raises ValueError where the field is none of the choices."""
        value = getattr(self, field)
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            known = ", ".join(str(choice) for choice in choices)
            raise ValueError(f"{self.name}.{field} is {value!r}, not one of {known}")

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is taught, each to one layer; more than the model's own output in pixels where it
        has auxiliary ones, or puts out more than pixels on the way there."""
        return (Coordinates(),)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary with the model's name; see ``models.from_json``."""
        return {"name": self.name} | {f.name: getattr(self, f.name) for f in fields(self)}


def gray_input(downsample: int = 1) -> tuple[Any, Any]:
    """The input tensor and its standardised form, averaged over `downsample`-sided squares."""
    from keras import layers

    inputs, x = _averaged_input(downsample)
    return inputs, layers.Rescaling(1 / GRAY_SPREAD, -GRAY_CENTRE / GRAY_SPREAD)(x)


def standardised_input(downsample: int = 1) -> tuple[Any, Any]:
    """As ``gray_input``, but each picture is standardised by its own mean and deviation."""
    from fkd_core.layers import Standardise

    inputs, x = _averaged_input(downsample)
    return inputs, Standardise(name="standardised")(x)


def _averaged_input(downsample: int) -> tuple[Any, Any]:
    from keras import Input, layers

    inputs = Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="gray")
    return inputs, layers.AveragePooling2D(downsample)(inputs) if downsample > 1 else inputs


def activate(x: Any, kind: Activation) -> Any:
    """The feature map after its activation."""
    from keras import layers

    return layers.LeakyReLU(0.1)(x) if kind == "leaky_relu" else layers.Activation(kind)(x)


def normalise(x: Any, kind: Normalisation) -> Any:
    """The feature map after its normalisation; statistics of a batch, of a face, or none."""
    from keras import layers

    from fkd_core.layers import BatchNorm

    if kind == "none":
        return x
    return BatchNorm()(x) if kind == "batch" else layers.GroupNormalization(1)(x)


def head(x: Any, kind: Head, outputs: int, hidden: Callable[[Any], Any] = lambda x: x) -> Any:
    """Pixels [B, outputs] from a feature map [B, h, w, c].

    ``flatten`` and ``average`` (over all positions) go through `hidden`, the dense layers, and a
    linear layer; ``soft_argmax`` makes one heatmap a keypoint and takes its expected position.
    """
    from keras import layers

    if kind == "soft_argmax":
        from fkd_core.layers import SoftArgmax

        x = layers.Conv2D(outputs // 2, 1, dtype="float32", name="heatmaps")(x)
        return to_pixels(SoftArgmax(name="coordinates")(x))
    x = layers.Flatten()(x) if kind == "flatten" else layers.GlobalAveragePooling2D()(x)
    return pixel_output(hidden(x), outputs)


def pixel_output(x: Any, outputs: int, prefix: str = "") -> Any:
    """The linear output layer, scaled from about -1..1 to pixels; a layer of an auxiliary output
    has a prefix to its name."""
    from keras import layers

    # In float32 whatever the policy: bfloat16 knows coordinates to about 0.2 px only.
    linear = layers.Dense(outputs, dtype="float32", name=f"{prefix}coordinates")
    return to_pixels(linear(x), prefix=prefix)


def mean_face_output(x: Any, outputs: int) -> Any:
    """Pixels [B, outputs] from a feature map [B, h, w, c] and one linear layer, whose unit is
    FACE_SPREAD: offsets, near 0 at first, from a mean that ``Stepper.reset`` sets."""
    from keras import initializers, layers

    from fkd_core.layers import AroundMean

    near_zero = initializers.RandomNormal(stddev=1e-3)
    linear = layers.Dense(
        outputs, kernel_initializer=near_zero, dtype="float32", name="coordinates"
    )
    offsets = linear(layers.Flatten()(x))
    return AroundMean(FACE_SPREAD, name="pixels")(offsets)


def parameters(model: Any) -> int:
    """Numbers that a model keeps, without its batch normalisations' counts of steps."""
    counts: int = sum(weight.name == "steps" for weight in model.weights)
    return int(model.count_params()) - counts
