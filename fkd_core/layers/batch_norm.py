"""BatchNorm: Keras's batch normalisation, with statistics that are right from the first step."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

YOUNG = 19
"""How fast the average forgets at first: about the last twentieth of the steps counts."""


@keras.saving.register_keras_serializable("fkd")
class BatchNorm(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalisation over all but the last axis (Ioffe and Szegedy 2015, arXiv 1502.03167).

    Arguments, weights and output are those of Keras's layer, but the moving averages that scored
    predictions use begin at the first batch's statistics instead of 0 and 1: after n steps their
    momentum is n / (n + YOUNG), at most `momentum` (polynomial-decay averaging: Shamir and Zhang
    2013, arXiv 1212.1824). So a fit of fifty steps is scored with statistics of its last ones,
    where Keras's would still be 60% what they began with. The count of steps is one more weight.
    """

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.steps = self.add_weight(
            shape=(), initializer="zeros", name="steps", trainable=False, autocast=False
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not (training and self.trainable):
            return super().call(inputs, training=False)
        if _fused(inputs):
            outputs, mean, variance = self._by_one_kernel(inputs)
        else:
            x = ops.cast(inputs, "float32")
            mean, variance = ops.moments(x, axes=list(range(len(x.shape) - 1)))
            outputs = ops.batch_normalization(
                x, mean, variance, -1, self.beta, self.gamma, self.epsilon
            )
            outputs = ops.cast(outputs, self.compute_dtype)
        steps = ops.convert_to_tensor(self.steps)
        old = ops.minimum(steps / (steps + YOUNG), self.momentum)
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * old + value * (1 - old))
        self.steps.assign(steps + 1)
        return outputs

    def _by_one_kernel(self, x: Any) -> tuple[Any, Any, Any]:
        """TensorFlow's own kernel, which passes over the feature map less often."""
        import tensorflow as tf

        ones = tf.ones_like(self.moving_variance)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=ones if self.gamma is None else tf.convert_to_tensor(self.gamma),
            offset=0 * ones if self.beta is None else tf.convert_to_tensor(self.beta),
            mean=tf.zeros(0),
            variance=tf.zeros(0),
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel gives the unbiased estimate.
        n = tf.cast(tf.size(x) / tf.size(ones), tf.float32)
        return outputs, mean, variance * (tf.maximum(n - 1, 1) / n)


def _fused(inputs: Any) -> bool:
    """Whether TensorFlow computes on a CPU, in float32 and on feature maps."""
    if keras.backend.backend() != "tensorflow" or len(inputs.shape) != 4:
        return False
    import tensorflow as tf

    return inputs.dtype == tf.float32 and not tf.config.list_logical_devices("GPU")
