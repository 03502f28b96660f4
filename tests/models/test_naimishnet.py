"""One model with a branch a keypoint computes what a network a keypoint does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fkd_core.data.faces import Faces
from fkd_core.fitting.steps import loss
from fkd_core.models.naimishnet import NaimishNet
from fkd_core.objectives.coordinates import Coordinates
from fkd_core.sources import PARTIAL

POINTS = len(PARTIAL.keypoints)


def of_point(weights: list[Any], model: Any, point: int) -> list[Any]:
    """Of the joint model's values, one a weight, those of one branch in its own order."""
    layers = {id(w): layer.name for layer in model.layers for w in layer.weights}
    names = [layers[id(w)] for w in model.trainable_variables]
    return [w for w, name in zip(weights, names, strict=True) if name.startswith(f"point{point}_")]


def gradients(model: Any, images: Any, targets: Any, backend: str) -> list[Any]:
    if backend == "jax":
        import jax

        def total(weights: Any) -> Any:
            out, _ = model.stateless_call(weights, others, images, training=True)
            return loss(targets, [out, out], [Coordinates()], [0.0])[0]

        others = [v.value for v in model.non_trainable_variables]
        found = jax.grad(total)([v.value for v in model.trainable_variables])
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            out = model(images, training=True)
            total_ = loss(targets, [out, out], [Coordinates()], [0.0])[0]
        found = tape.gradient(total_, [v.value for v in model.trainable_variables])
    return [np.asarray(g) for g in found]


@pytest.fixture(scope="module")
def joint() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return NaimishNet.tiny().build(PARTIAL.outputs)


@pytest.fixture(scope="module")
def separate(joint: Any) -> list[Any]:
    """A network a keypoint, with the joint model's weights."""
    models = [NaimishNet.tiny().build(2) for _ in range(POINTS)]
    for point, model in enumerate(models):
        model.set_weights(of_point(joint.get_weights(), joint, point))
    return models


def test_the_joint_model_predicts_what_separate_networks_do(
    joint: Any, separate: list[Any], faces: Faces
) -> None:
    images = faces.images[:6, ..., None].astype(np.float32)
    together = np.asarray(joint(images, training=False))
    alone = np.hstack([np.asarray(model(images, training=False)) for model in separate])
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    assert joint.count_params() == POINTS * separate[0].count_params()


def test_a_branch_has_its_own_networks_gradient_divided_by_the_number_of_keypoints(
    joint: Any, separate: list[Any], faces: Faces, backend: str
) -> None:
    targets = faces.points[:, list(PARTIAL.keypoints)]
    labelled = np.flatnonzero(np.isfinite(targets).all(axis=(1, 2)))[:6]
    images = faces.images[labelled, ..., None].astype(np.float32)
    together = gradients(joint, images, targets[labelled].reshape(-1, PARTIAL.outputs), backend)
    for point, model in enumerate(separate):
        alone = gradients(model, images, targets[labelled, point], backend)
        for part, whole in zip(of_point(together, joint, point), alone, strict=True):
            scale = np.abs(whole).max()
            assert scale > 0
            np.testing.assert_allclose(part * POINTS, whole, rtol=1e-3, atol=1e-5 * scale)
