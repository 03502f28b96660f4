"""Straighten and Restore: a picture turned so that its face stands as all others do, and back."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

LEAST_SCALE, MOST_SCALE = 0.5, 2.0
"""How far a face may be made smaller or larger. Points that are no face ask for anything."""


@keras.saving.register_keras_serializable("fkd")
class Straighten(keras.layers.Layer):  # type: ignore[misc]
    """The picture under the similarity that brings its first points onto a given shape.

    Input [B, 96, 96, 1] gray levels and [B, 2p] pixels; output the same in the frame, whole gray
    levels read bilinearly with edges repeated, and the similarity [B, 4]: (a, b, x, y) takes a
    point (u, v) of the picture to (a u - b v + x, b u + a v + y). It is the least squares one
    (Schoenemann 1970), its scale kept within bounds. The only weight is the shape
    [points, 2] px, which does not train. Always float32.
    """

    def __init__(self, points: int, **kwargs: Any) -> None:
        """`points` are brought onto the shape, the first of those given."""
        super().__init__(**({"dtype": "float32"} | kwargs))
        self.points = points

    def build(self, _: Any) -> None:
        """Makes the shape, to be set."""
        self.shape = self.add_weight(
            shape=(self.points, 2), initializer="zeros", trainable=False, name="shape"
        )

    def call(self, inputs: Any) -> Any:
        gray, pixels = inputs
        similarity = self._similarity(ops.reshape(pixels, (-1, pixels.shape[1] // 2, 2)))
        return _sampled(gray, similarity), similarity

    def _similarity(self, points: Any) -> Any:
        points = points[:, : self.points]
        centre = ops.mean(points, axis=1)
        goal = ops.mean(self.shape, axis=0)
        p, m = points - centre[:, None], self.shape - goal
        size = ops.maximum(ops.sum(p * p, axis=(1, 2)), 1e-3)
        a = ops.sum(p * m, axis=(1, 2)) / size
        b = ops.sum(p[..., 0] * m[:, 1] - p[..., 1] * m[:, 0], axis=1) / size
        scale = ops.sqrt(a * a + b * b)
        turned = scale > 1e-6
        cos = ops.where(turned, a / ops.maximum(scale, 1e-6), 1.0)
        sin = ops.where(turned, b / ops.maximum(scale, 1e-6), 0.0)
        scale = ops.clip(scale, LEAST_SCALE, MOST_SCALE)
        a, b = scale * cos, scale * sin
        x = goal[0] - a * centre[:, 0] + b * centre[:, 1]
        y = goal[1] - b * centre[:, 0] - a * centre[:, 1]
        return ops.stack([a, b, x, y], axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        gray, _ = input_shape
        return tuple(gray), (gray[0], 4)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "points": self.points}


@keras.saving.register_keras_serializable("fkd")
class Restore(keras.layers.Layer):  # type: ignore[misc]
    """Pixels [B, 2p] of the frame as pixels of the picture; the similarity [B, 4] is
    ``Straighten``'s. Always float32."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))

    def call(self, inputs: Any) -> Any:
        pixels, similarity = inputs
        outputs = pixels.shape[1]
        points = ops.reshape(pixels, (-1, outputs // 2, 2))
        u, v = _undone(points[..., 0], points[..., 1], similarity)
        return ops.reshape(ops.stack([u, v], axis=-1), (-1, outputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape[0])


def _undone(x: Any, y: Any, similarity: Any) -> tuple[Any, Any]:
    """Where in the picture the places x, y [B, n] of the frame are."""
    a, b, right, down = ops.split(similarity, 4, axis=1)
    squared = a * a + b * b
    x, y = x - right, y - down
    return (a * x + b * y) / squared, (a * y - b * x) / squared


def _sampled(gray: Any, similarity: Any) -> Any:
    """[B, h, w, 1] whole gray levels of the frame."""
    _, height, width, _ = gray.shape
    y, x = (ops.reshape(each, (1, -1)) for each in _grid(height, width))
    u, v = _undone(x, y, similarity)
    u, v = ops.clip(u, 0.0, width - 1.0), ops.clip(v, 0.0, height - 1.0)
    # The last pixel is read as the right neighbour of the one before it.
    left = ops.minimum(ops.floor(u), width - 2.0)
    top = ops.minimum(ops.floor(v), height - 2.0)
    right, down = u - left, v - top
    first = ops.arange(ops.shape(gray)[0], dtype="int32")[:, None] * (height * width)
    at = ops.cast(top * width + left, "int32") + first
    flat = ops.reshape(gray, (-1,))
    one, beside, below, across = (ops.take(flat, at + n) for n in (0, 1, width, width + 1))
    upper, lower = one + right * (beside - one), below + right * (across - below)
    return ops.round(ops.reshape(upper + down * (lower - upper), (-1, height, width, 1)))


def _grid(height: int, width: int) -> tuple[Any, Any]:
    """y and x of every pixel, [h, w] each."""
    y = ops.arange(height, dtype="float32")
    x = ops.arange(width, dtype="float32")
    return ops.repeat(y[:, None], width, axis=1), ops.repeat(x[None], height, axis=0)
