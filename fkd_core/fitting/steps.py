"""One compiled graph a configuration: gradient steps, predictions, and a cheap way back to new.

Building and compiling a model takes seconds, more than many a fit, so a process keeps the graphs
it has compiled (``stepper``) and a new fit only resets weights and optimiser. Shapes are fixed:
batches and predictions are padded, and a face that only pads has NaN targets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.models.base import Architecture
from fkd_core.objectives.base import Objective
from fkd_core.objectives.coordinates import PIXEL_SPREAD, errors

PREDICT_BATCH = 256
State = list[NDArray[Any]]


@dataclass(frozen=True)
class Graph:
    """What is compiled into a graph; anything else about a fit changes without compiling anew."""

    model: Architecture
    outputs: int
    """Predicted coordinates, two a taught column: 30, 8, or 38 of a joint fit."""
    batch_size: int
    weight_decay: float = 0.0
    ema: float = 0.0
    beta_2: float = 0.999
    precision: str = "float32"
    xla: bool = False


@lru_cache(maxsize=4)
def stepper(graph: Graph) -> Stepper:
    """The compiled graph of this configuration, kept for the next fit of the same."""
    import keras

    kind: type[Stepper]
    if keras.backend.backend() == "jax":
        from fkd_core.fitting.steps_jax import JaxStepper as kind
    else:
        from fkd_core.fitting.steps_tensorflow import TensorFlowStepper as kind
    return kind(graph)


class Stepper(ABC):
    """A model, its optimiser (Adam, or AdamW with weight decay) and their compiled steps."""

    def __init__(self, graph: Graph) -> None:
        import keras

        from fkd_core.fitting.steps_optimizer import AdamW

        self.graph = graph
        self.model = self._new_model()
        self.objectives = graph.model.objectives
        judged = [self.model.get_layer(each.layer).output for each in self.objectives]
        # The same layers and weights, but giving every output that an objective judges.
        self.taught = keras.Model(self.model.inputs, [self.model.output, *judged])
        self.optimizer = AdamW(
            weight_decay=graph.weight_decay,
            beta_2=graph.beta_2,
            use_ema=graph.ema > 0,
            ema_momentum=graph.ema,
        )
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.optimizer.build(self.taught.trainable_variables)
        self._compile()
        # One step and prediction on nothing, so that compiling is over before training begins.
        size, outputs = graph.batch_size, graph.outputs
        nothing = np.zeros((max(size, PREDICT_BATCH), IMAGE_SIZE, IMAGE_SIZE), np.uint8)
        unlabelled = np.full((size, outputs), np.nan, np.float32)
        self.step(nothing[:size], unlabelled, np.float32(0.0))
        self._predict(nothing[:PREDICT_BATCH])

    @abstractmethod
    def _compile(self) -> None: ...

    @abstractmethod
    def step(
        self, images: NDArray[np.uint8], targets: NDArray[np.float32], rate: np.float32
    ) -> tuple[Any, Any]:
        """One gradient step on images [B, 96, 96] and targets [B, outputs] in pixels, NaN where
        unlabelled. Gives the sum of squared errors before it, in px^2, and the labelled count."""

    @abstractmethod
    def _predict(self, images: NDArray[np.uint8]) -> Any: ...

    @abstractmethod
    def _publish(self) -> None:
        """Brings the Keras variables up to date with the compiled state."""

    @abstractmethod
    def _adopt(self) -> None:
        """Brings the compiled state up to date with the Keras variables."""

    def _new_model(self) -> Any:
        import keras

        keras.config.set_dtype_policy(self.graph.precision)
        try:
            return self.graph.model.build(self.graph.outputs)
        finally:
            keras.config.set_dtype_policy("float32")

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.optimizer.variables]

    def reset(self, seed: int, mean: NDArray[np.floating[Any]] | None = None) -> None:
        """Weights as this seed makes them, and a new optimiser.

        `mean` [outputs] in pixels is where the predictions of a model that starts at the mean
        face begin; others have no use for it.
        """
        import keras

        keras.utils.set_random_seed(seed)
        fresh = self._new_model()
        for variable, new in zip(self.model.variables, fresh.variables, strict=True):
            variable.assign(new)
        if mean is not None and self.graph.model.starts_at_mean:
            self.model.get_layer("pixels").mean.assign(mean)
        for variable in self.optimizer.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))
        self._adopt()

    def state(self) -> State:
        """Copies of all weights and optimiser variables; ``load`` takes them back."""
        self._publish()
        return [_copy(variable) for variable in self._variables()]

    def load(self, state: Sequence[NDArray[Any]]) -> None:
        """Continues from a ``state`` of the same configuration."""
        for variable, value in zip(self._variables(), state, strict=True):
            variable.assign(value)
        self._adopt()

    def weights(self) -> State:
        """Copies of the model's weights as they are scored (their moving average if kept)."""
        self._publish()
        values = [_copy(weight) for weight in self.model.trainable_variables]
        if self.graph.ema:
            self.optimizer.finalize_variable_values(self.taught.trainable_variables)
        scored = [_copy(weight) for weight in self.model.weights]
        for variable, value in zip(self.model.trainable_variables, values, strict=True):
            variable.assign(value)
        return scored

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """[n, outputs] pixels for images [n, 96, 96], from the weights as they are scored."""
        raw = None
        if self.graph.ema:
            raw = self.state()
            self.optimizer.finalize_variable_values(self.taught.trainable_variables)
            self._adopt()
        out = np.empty((len(images), self.graph.outputs), np.float32)
        for start in range(0, len(images), PREDICT_BATCH):
            part = images[start : start + PREDICT_BATCH]
            padded = np.zeros((PREDICT_BATCH, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
            padded[: len(part)] = part
            out[start : start + len(part)] = np.asarray(self._predict(padded))[: len(part)]
        if raw is not None:
            self.load(raw)
        return out


def _copy(variable: Any) -> NDArray[Any]:
    """The variable's value in memory of its own."""
    return np.asarray(variable).copy()


def loss(
    targets: Any, outputs: Sequence[Any], objectives: Sequence[Objective], penalties: Any
) -> tuple[Any, Any, Any]:
    """What is minimised, sum of squares of the prediction in px^2, and labelled count.

    `targets` are [B, outputs] in px, NaN where unlabelled; `outputs` are the prediction and then
    what each objective judges. The loss is their weighted sum and the penalties (px^2 too), in
    scaled coordinates.
    """
    predicted, *judged = outputs
    squares, count = errors(targets, predicted)
    total = sum(penalties)
    for objective, output in zip(objectives, judged, strict=True):
        total = total + objective.weight * objective.loss(targets, output)
    return total / PIXEL_SPREAD**2, squares, count
