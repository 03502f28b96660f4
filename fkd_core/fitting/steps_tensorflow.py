"""The compiled steps under TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.fitting.steps import PREDICT_BATCH, Stepper, loss
from fkd_core.keypoints import IMAGE_SIZE


class TensorFlowStepper(Stepper):
    """The graph works on the Keras variables themselves."""

    def _compile(self) -> None:
        import tensorflow as tf

        model, taught, optimizer = self.model, self.taught, self.optimizer
        size = (IMAGE_SIZE, IMAGE_SIZE)

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[
                tf.TensorSpec((self.graph.batch_size, *size), tf.uint8),
                tf.TensorSpec((self.graph.batch_size, self.graph.outputs), tf.float32),
                tf.TensorSpec((), tf.float32),
            ],
            jit_compile=self.graph.xla,
        )
        def step(images: Any, targets: Any, rate: Any) -> tuple[Any, Any]:
            optimizer.learning_rate.assign(rate)
            gray = tf.cast(images, tf.float32)[..., None]
            with tf.GradientTape() as tape:
                outputs = taught(gray, training=True)
                total, squares, count = loss(targets, outputs, self.objectives, taught.losses)
            gradients = tape.gradient(total, taught.trainable_variables)
            optimizer.apply(gradients, taught.trainable_variables)
            return squares, count

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec((PREDICT_BATCH, *size), tf.uint8)],
            jit_compile=self.graph.xla,
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
