"""ResNet50's defaults against the network of the same name that Keras brings along."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fkd_core.models.base import GRAY_CENTRE, GRAY_SPREAD, parameters
from fkd_core.models.resnet50 import ResNet50
from fkd_core.sources import COMPLETE, PARTIAL


@pytest.fixture(scope="module")
def published() -> Any:
    import keras

    return keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(96, 96, 1), pooling="avg"
    )


@pytest.mark.parametrize("outputs", [COMPLETE.outputs, PARTIAL.outputs])
def test_the_parameters_are_those_of_the_published_network(published: Any, outputs: int) -> None:
    ours = ResNet50().build(outputs)
    assert parameters(ours) == published.count_params() + (2048 + 1) * outputs
    shapes = [weight.shape for weight in ours.weights[:-2] if weight.name != "steps"]
    assert shapes == [weight.shape for weight in published.weights]


def test_equal_weights_make_the_same_features_as_the_published_network(published: Any) -> None:
    import keras

    ours = ResNet50().build(30)
    shared = [weight for weight in ours.weights[:-2] if weight.name != "steps"]
    published.set_weights([np.asarray(weight) for weight in shared])
    for layer in published.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.epsilon = 1e-3  # Keras's default, as ours; the published file has 1.001e-5
    gray = np.random.default_rng(0).uniform(0, 255, (2, 96, 96, 1)).astype(np.float32)
    features = keras.Model(ours.input, ours.get_layer("coordinates").input)
    np.testing.assert_allclose(
        np.asarray(features(gray, training=False)),
        np.asarray(published((gray - GRAY_CENTRE) / GRAY_SPREAD, training=False)),
        rtol=1e-3,
    )


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ValueError, match="3 blocks, 4 filters and 4 strides"):
        ResNet50(blocks=(3, 4, 6))
    with pytest.raises(ValueError, match="shrinks to one position"):
        ResNet50(head="soft_argmax", downsample=4)
