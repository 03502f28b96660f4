"""One compiled graph a configuration: gradient steps, predictions, and a cheap way back to new.

Building and compiling a model takes seconds, more than many a fit, so a process keeps the graphs
it has compiled (``stepper``) and a new fit only resets weights and optimiser. Shapes are fixed:
batches and predictions are padded, and a face that only pads has NaN targets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.models.base import PIXEL_SPREAD, Architecture

PREDICT_BATCH = 256
State = list[NDArray[Any]]


@lru_cache(maxsize=4)
def stepper(
    model: Architecture,
    outputs: int,
    batch_size: int,
    weight_decay: float,
    ema: float,
    precision: str,
    xla: bool,
) -> Stepper:
    """The compiled graph of this configuration, kept for the next fit of the same."""
    import keras

    kind = {"tensorflow": _TensorFlowStepper, "jax": _JaxStepper}[keras.backend.backend()]
    return kind(model, outputs, batch_size, weight_decay, ema, precision, xla)


class Stepper(ABC):
    """A model, its optimiser (Adam, or AdamW with weight decay) and their compiled steps."""

    def __init__(
        self,
        model: Architecture,
        outputs: int,
        batch_size: int,
        weight_decay: float,
        ema: float,
        precision: str,
        xla: bool,
    ) -> None:
        import keras

        self._architecture, self._outputs, self._precision = model, outputs, precision
        self.batch_size, self._ema = batch_size, ema
        self.model = self._new_model()
        self.optimizer = keras.optimizers.AdamW(
            weight_decay=weight_decay, use_ema=ema > 0, ema_momentum=ema
        )
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.optimizer.build(self.model.trainable_variables)
        self._compile(xla)
        # One step and prediction on nothing, so that compiling is over before training begins.
        nothing = np.zeros((max(batch_size, PREDICT_BATCH), IMAGE_SIZE, IMAGE_SIZE), np.uint8)
        unlabelled = np.full((batch_size, outputs), np.nan, np.float32)
        self.step(nothing[:batch_size], unlabelled, np.float32(0.0))
        self._predict(nothing[:PREDICT_BATCH])

    @abstractmethod
    def _compile(self, xla: bool) -> None: ...

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

        keras.config.set_dtype_policy(self._precision)
        try:
            return self._architecture.build(self._outputs)
        finally:
            keras.config.set_dtype_policy("float32")

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.optimizer.variables]

    def reset(self, seed: int) -> None:
        """Weights as this seed makes them, and a new optimiser."""
        import keras

        keras.utils.set_random_seed(seed)
        fresh = self._new_model()
        for variable, new in zip(self.model.variables, fresh.variables, strict=True):
            variable.assign(new)
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
        if self._ema:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)
        scored = [_copy(weight) for weight in self.model.weights]
        for variable, value in zip(self.model.trainable_variables, values, strict=True):
            variable.assign(value)
        return scored

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """[n, outputs] pixels for images [n, 96, 96], from the weights as they are scored."""
        raw = None
        if self._ema:
            raw = self.state()
            self.optimizer.finalize_variable_values(self.model.trainable_variables)
            self._adopt()
        out = np.empty((len(images), self._outputs), np.float32)
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


def _errors(ops: Any, targets: Any, predicted: Any) -> tuple[Any, Any, Any]:
    """Mean squared error in scaled coordinates, sum of squares in px^2, labelled count."""
    labelled = ops.isfinite(targets)
    error = ops.where(labelled, predicted - ops.where(labelled, targets, 0.0), 0.0)
    squares, count = ops.sum(error * error), ops.sum(ops.cast(labelled, "float32"))
    return squares / ops.maximum(count, 1.0) / PIXEL_SPREAD**2, squares, count


class _TensorFlowStepper(Stepper):
    def _compile(self, xla: bool) -> None:
        import tensorflow as tf
        from keras import ops

        model, optimizer = self.model, self.optimizer
        size = (IMAGE_SIZE, IMAGE_SIZE)

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[
                tf.TensorSpec((self.batch_size, *size), tf.uint8),
                tf.TensorSpec((self.batch_size, self._outputs), tf.float32),
                tf.TensorSpec((), tf.float32),
            ],
            jit_compile=xla,
        )
        def step(images: Any, targets: Any, rate: Any) -> tuple[Any, Any]:
            optimizer.learning_rate.assign(rate)
            gray = tf.cast(images, tf.float32)[..., None]
            with tf.GradientTape() as tape:
                loss, squares, count = _errors(ops, targets, model(gray, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            return squares, count

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec((PREDICT_BATCH, *size), tf.uint8)], jit_compile=xla
        )
        def predict(images: Any) -> Any:
            return model(tf.cast(images, tf.float32)[..., None], training=False)

        self._step, self._predict_graph = step, predict

    def step(
        self, images: NDArray[np.uint8], targets: NDArray[np.float32], rate: np.float32
    ) -> tuple[Any, Any]:
        result: tuple[Any, Any] = self._step(images, targets, rate)
        return result

    def _predict(self, images: NDArray[np.uint8]) -> Any:
        return self._predict_graph(images)

    def _publish(self) -> None:
        """TensorFlow's graph works on the Keras variables themselves."""

    def _adopt(self) -> None:
        """TensorFlow's graph works on the Keras variables themselves."""


class _JaxStepper(Stepper):
    def _compile(self, xla: bool) -> None:
        import jax
        from keras import ops

        model, optimizer = self.model, self.optimizer
        rate_at = next(
            i for i, v in enumerate(optimizer.variables) if v is optimizer.learning_rate
        )

        def loss_of(weights: Any, others: Any, images: Any, targets: Any) -> Any:
            gray = ops.cast(images, "float32")[..., None]
            predicted, others = model.stateless_call(weights, others, gray, training=True)
            loss, squares, count = _errors(ops, targets, predicted)
            return loss, (squares, count, others)

        def step(state: Any, images: Any, targets: Any, rate: Any) -> Any:
            weights, others, slots = state
            slots = [*slots[:rate_at], rate, *slots[rate_at + 1 :]]
            gradient = jax.value_and_grad(loss_of, has_aux=True)
            (_, (squares, count, others)), grads = gradient(weights, others, images, targets)
            weights, slots = optimizer.stateless_apply(slots, grads, weights)
            return (weights, others, slots), squares, count

        def predict(state: Any, images: Any) -> Any:
            gray = ops.cast(images, "float32")[..., None]
            return model.stateless_call(state[0], state[1], gray, training=False)[0]

        self._step = jax.jit(step, donate_argnums=0)
        self._predict_graph = jax.jit(predict)
        self._adopt()

    def _adopt(self) -> None:
        # Copies: a step gives its input buffers away, and Keras still holds the originals.
        self._state = tuple(
            [variable.value + 0 for variable in group]
            for group in (
                self.model.trainable_variables,
                self.model.non_trainable_variables,
                self.optimizer.variables,
            )
        )

    def _publish(self) -> None:
        groups = (
            self.model.trainable_variables,
            self.model.non_trainable_variables,
            self.optimizer.variables,
        )
        for group, values in zip(groups, self._state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(np.asarray(value))

    def step(
        self, images: NDArray[np.uint8], targets: NDArray[np.float32], rate: np.float32
    ) -> tuple[Any, Any]:
        self._state, squares, count = self._step(self._state, images, targets, rate)
        return squares, count

    def _predict(self, images: NDArray[np.uint8]) -> Any:
        return self._predict_graph(self._state, images)
