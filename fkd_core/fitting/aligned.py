"""Aligned fits: a model that sees every face straightened by the points another model found.

The chain of both is one Keras model. In the frame a face varies little: that similarity is taken
out which brings the first model's points onto the mean shape of the training faces, enlarged.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.render import Frames
from fkd_core.fitting.spec import FitSpec
from fkd_core.keypoints import IMAGE_SIZE

ENLARGED = 1.15
"""The mean shape fills the frame by so much more than the pictures."""
_BATCH = 256
_CENTRE = (IMAGE_SIZE - 1) / 2

Weights = list[NDArray[Any]]
"""Of a whole chain, in Keras's order: the stage before, the mean shape, the last model."""


def mean_shape(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """[k, 2] px in the frame, from the points to align by [n, k, 2] of the faces that train, NaN
    where missing.

    Raises ValueError where one of the points is labelled nowhere.
    """
    labelled = np.asarray(np.isfinite(points).all(axis=2))
    if not labelled.any(axis=0).all():
        raise ValueError("a point to align by is labelled on no face that trains")
    total = np.where(labelled[..., None], points, 0.0).sum(axis=0, dtype=np.float64)
    mean = total / labelled.sum(axis=0)[:, None]
    return np.asarray((mean - mean.mean(axis=0)) * ENLARGED + _CENTRE, np.float32)


def front(stage: FitSpec, weights: Weights, shape: NDArray[np.float32]) -> Any:
    """The Keras model from gray levels [n, 96, 96, 1] to the same in the frame and similarities
    [n, 4] (see ``layers.Straighten``); the stage's fit finds the points."""
    from fkd_core.fitting.predict import model_of

    model = _front(model_of(stage, weights), len(shape))
    model.get_layer("straighten").set_weights([shape])
    return model


def chained(before: Any, own: Any, points: int) -> Any:
    """The Keras model from gray levels to pixels: `own` sees what `before` straightens by so many
    points."""
    import keras

    from fkd_core.layers import Restore

    ahead = _front(before, points)
    straight, similarity = ahead.outputs
    own = keras.Model(own.input, own.output, name="own")
    pixels = Restore(name="restore")([own(straight), similarity])
    return keras.Model(ahead.input, pixels, name="aligned")


def _front(before: Any, points: int) -> Any:
    import keras

    from fkd_core.layers import Straighten

    gray = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="gray")
    # Both have names of their own, since the two models may be of the same kind.
    found = keras.Model(before.input, before.output, name="before")(gray)
    return keras.Model(gray, Straighten(points, name="straighten")([gray, found]))


def straighten(model: Any, images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Frames]:
    """Pictures [n, 96, 96] as the model that ``front`` made shows them, and their frames."""
    shown = np.empty(images.shape, np.uint8)
    similarity = np.empty((len(images), 4))
    size = min(_BATCH, 1 << len(images).bit_length())  # few sizes, so few compiled graphs
    for start in range(0, len(images), size):
        part = images[start : start + size]
        padded = np.zeros((size, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32)
        padded[: len(part), ..., 0] = part
        straight, found = model.predict_on_batch(padded)
        shown[start : start + size] = np.asarray(straight)[: len(part), ..., 0]
        similarity[start : start + size] = np.asarray(found)[: len(part)]
    return shown, similarities(similarity)


def similarities(found: NDArray[np.floating]) -> Frames:
    """Frames from the four numbers a picture [n, 4] that ``layers.Straighten`` gives."""
    a, b, x, y = found.astype(np.float64).T
    return np.stack([[a, -b, x], [b, a, y]]).transpose(2, 0, 1)
