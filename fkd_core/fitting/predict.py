"""predict: what a trained model says of images, from its spec and weights alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.fitting import runtime
from fkd_core.fitting.aligned import chained
from fkd_core.fitting.spec import FitSpec
from fkd_core.keypoints import IMAGE_SIZE

BATCH = 256

# One graph a model is meant; TensorFlow takes many models for one that is traced again and again.
logging.getLogger("tensorflow").addFilter(lambda record: "retracing" not in record.getMessage())


def model_of(spec: FitSpec, weights: Sequence[NDArray[Any]]) -> Any:
    """The Keras model of a fit: gray levels [n, 96, 96, 1] in, pixels [n, 2p] out. That of an
    aligned fit is the whole chain.

    `weights` are the fit's, in Keras's order. Raises ValueError where they are another model's.
    """
    runtime.prepare_for(spec)
    runtime.import_silently()
    model = _built(spec)
    set_weights(model, spec, weights)
    return model


def _built(spec: FitSpec) -> Any:
    import keras

    keras.config.set_dtype_policy(spec.precision)
    try:
        model = spec.model.build(spec.taught.outputs)
    finally:
        keras.config.set_dtype_policy("float32")
    if spec.aligned_by is None:
        return model
    return chained(_built(spec.aligned_by), model, spec.anchors)


def set_weights(model: Any, spec: FitSpec, weights: Sequence[NDArray[Any]]) -> None:
    """Makes the model of a fit that of another fit; ValueError for another model's weights."""
    if [tuple(weight.shape) for weight in model.weights] != [w.shape for w in weights]:
        raise ValueError(f"these are not the weights of {spec.name}: {spec.model}")
    model.set_weights(list(weights))


def run(model: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[n, p, 2] pixels for images [n, 96, 96], from a model that ``model_of`` made."""
    out = np.empty((len(images), model.output_shape[-1]), np.float32)
    size = min(BATCH, 1 << len(images).bit_length())  # few sizes, so few compiled graphs
    for start in range(0, len(images), size):
        part = images[start : start + size]
        padded = np.zeros((size, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32)
        padded[: len(part), ..., 0] = part
        out[start : start + size] = np.asarray(model.predict_on_batch(padded))[: len(part)]
    return out.reshape(len(images), out.shape[1] // 2, 2)


def predict(
    spec: FitSpec, weights: Sequence[NDArray[Any]], images: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """[n, p, 2] pixels for images [n, 96, 96]; p keypoints as the fit was taught."""
    return run(model_of(spec, weights), images)
