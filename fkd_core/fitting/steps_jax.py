"""The compiled steps under JAX."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.fitting.steps import Stepper, loss


class JaxStepper(Stepper):
    """The state is passed through the compiled step; Keras variables follow on request."""

    def _compile(self) -> None:
        import jax
        from keras import ops

        taught, optimizer = self.taught, self.optimizer
        rate_at = next(
            i for i, v in enumerate(optimizer.variables) if v is optimizer.learning_rate
        )

        def loss_of(weights: Any, others: Any, images: Any, targets: Any) -> Any:
            gray = ops.cast(images, "float32")[..., None]
            outputs, others, penalties = taught.stateless_call(
                weights, others, gray, training=True, return_losses=True
            )
            total, squares, count = loss(targets, outputs, self.objectives, penalties)
            return total, (squares, count, others)

        def step(state: Any, images: Any, targets: Any, rate: Any) -> Any:
            weights, others, slots = state
            slots = [*slots[:rate_at], rate, *slots[rate_at + 1 :]]
            gradient = jax.value_and_grad(loss_of, has_aux=True)
            (_, (squares, count, others)), grads = gradient(weights, others, images, targets)
            weights, slots = optimizer.stateless_apply(slots, grads, weights)
            return (weights, others, slots), squares, count

        def predict(state: Any, images: Any) -> Any:
            gray = ops.cast(images, "float32")[..., None]
            return taught.stateless_call(state[0], state[1], gray, training=False)[0][0]

        self._step = jax.jit(step, donate_argnums=0)
        self._predict_graph = jax.jit(predict)
        self._adopt()

    def _adopt(self) -> None:
        # Copies: a step gives its input buffers away, and Keras still holds the originals.
        self._state = tuple(
            [variable.value + 0 for variable in group]
            for group in (
                self.taught.trainable_variables,
                self.taught.non_trainable_variables,
                self.optimizer.variables,
            )
        )

    def _publish(self) -> None:
        groups = (
            self.taught.trainable_variables,
            self.taught.non_trainable_variables,
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
