"""The published Inception V3, the three heads of Inception V1, and maps that stay large."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.fitting.steps import Graph, loss, stepper
from fkd_core.models import from_json
from fkd_core.models.base import GRAY_CENTRE, GRAY_SPREAD, parameters
from fkd_core.models.inception_v1 import HEADS, InceptionV1
from fkd_core.models.inception_v3 import InceptionV3
from fkd_core.objectives.coordinates import PIXEL_SPREAD
from fkd_core.sources import COMPLETE

OUTPUTS = COMPLETE.outputs
UNEQUAL = from_json(
    InceptionV1.tiny().to_json() | {"head_losses": (0.5, 0.0, 2.0), "blend": (1.0, 0.0, 3.0)}
)
"""Unequal weights of the heads, and none at all for the first auxiliary one."""


def some(faces: Faces) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Eight images [8, 96, 96] with their targets [8, 30]."""
    own = np.flatnonzero(faces.source == 0)[:8]
    return faces.images[own], faces.points[own].reshape(8, -1).astype(np.float32)


def as_gray(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images[..., None].astype(np.float32)


def outputs_of(model: Any, names: list[str], images: NDArray[np.uint8]) -> list[Any]:
    import keras

    part = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    return [np.asarray(out) for out in part([as_gray(images)], training=False)]


def last_map(model: Any) -> tuple[int, ...]:
    """Height and width of what the main head sees."""
    import keras

    joined = [layer for layer in model.layers if isinstance(layer, keras.layers.Concatenate)]
    return tuple(joined[-1].output.shape[1:3])


def made(model: Any, kind: type[Any]) -> list[Any]:
    """The model's layers of a kind in the order they were made, which numbers their names."""
    layers = [layer for layer in model.layers if isinstance(layer, kind)]
    return sorted(layers, key=lambda layer: int((re.findall(r"_(\d+)$", layer.name) or [0])[0]))


def test_inception_v3_is_the_published_network(faces: Faces) -> None:
    import keras

    model = InceptionV3().build(OUTPUTS)
    published = keras.applications.InceptionV3(
        include_top=False, weights=None, input_shape=(96, 96, 1), pooling="avg"
    )
    assert parameters(model) == published.count_params() + (2048 + 1) * OUTPUTS

    # Both are built in the paper's order; equal weights make equal features in equal graphs.
    for kind in (keras.layers.Conv2D, keras.layers.BatchNormalization):
        for own, other in zip(made(model, kind), made(published, kind), strict=True):
            published_weights = other.get_weights()  # ours count steps besides
            own.set_weights(published_weights + own.get_weights()[len(published_weights) :])
    pool = next(x for x in model.layers if isinstance(x, keras.layers.GlobalAveragePooling2D))
    images = some(faces)[0][:2]
    ours = outputs_of(model, [pool.name, "pixels"], images)[0]
    theirs = np.asarray(published((as_gray(images) - GRAY_CENTRE) / GRAY_SPREAD, training=False))
    assert np.ptp(theirs) > 0
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_inception_v3_ends_in_one_position_unless_it_keeps_resolution() -> None:
    assert last_map(InceptionV3(width=0.05).build(OUTPUTS)) == (1, 1)
    kept = InceptionV3(width=0.05, keep_resolution=True, head="soft_argmax")
    assert last_map(kept.build(OUTPUTS)) == (6, 6)


def test_inception_v1_ends_in_3x3_unless_it_keeps_resolution() -> None:
    assert last_map(InceptionV1(width=0.05).build(OUTPUTS)) == (3, 3)
    assert last_map(InceptionV1(width=0.05, keep_resolution=True).build(OUTPUTS)) == (12, 12)


def test_the_prediction_is_the_blend_of_the_three_heads(faces: Faces) -> None:
    names = [f"{name}_pixels" for name in HEADS]
    for model, shares in (
        (InceptionV1.tiny(), (1 / 3, 1 / 3, 1 / 3)),
        (UNEQUAL, (0.25, 0.0, 0.75)),
    ):
        built = model.build(OUTPUTS)
        assert built.output is built.get_layer("pixels").output
        *heads, pixels = outputs_of(built, [*names, "pixels"], some(faces)[0])
        expected = sum(share * head for share, head in zip(shares, heads, strict=True))
        np.testing.assert_allclose(pixels, expected, rtol=1e-5)
        assert all(not np.allclose(pixels, head) for head in heads)


def test_what_is_minimised_is_the_weighted_sum_of_the_heads_errors(faces: Faces) -> None:
    images, targets = some(faces)
    model = stepper(Graph(UNEQUAL, OUTPUTS, 8))
    model.reset(0)
    outputs = model.taught([as_gray(images)], training=False)
    total, _, count = loss(targets, outputs, model.objectives, [])
    assert int(count) == np.isfinite(targets).sum()
    main, _, aux2 = (
        np.nanmean((head - targets) ** 2)
        for head in outputs_of(model.model, [f"{name}_pixels" for name in HEADS], images)
    )
    np.testing.assert_allclose(total, (0.5 * main + 2.0 * aux2) / PIXEL_SPREAD**2, rtol=1e-4)


def test_a_head_of_no_weight_is_not_taught_and_the_others_are(faces: Faces) -> None:
    model = stepper(Graph(UNEQUAL, OUTPUTS, 8))
    model.reset(0)

    def kernels() -> dict[str, NDArray[np.float32]]:
        model.state()
        layers = {name: model.model.get_layer(f"{name}_coordinates") for name in HEADS}
        return {name: np.asarray(layer.kernel).copy() for name, layer in layers.items()}

    before = kernels()
    model.step(*some(faces), np.float32(1e-3))
    after = kernels()
    moved = {name for name in HEADS if not np.array_equal(before[name], after[name])}
    assert moved == {"main", "aux2"}


def test_what_no_inception_can_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"inception_v1\.blend"):
        InceptionV1(blend=(0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"inception_v1\.head_losses"):
        InceptionV1(head_losses=(0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"inception_v1\.blend"):
        from_json({"name": "inception_v1", "blend": [1.0, 1.0]})
    with pytest.raises(ValueError, match="aux1 in its blend but not in head_losses"):
        InceptionV1(head_losses=(1.0, 0.0, 1.0))
    with pytest.raises(ValueError, match="set keep_resolution"):
        InceptionV3(downsample=2)
    with pytest.raises(ValueError, match="3 kinds of modules"):
        from_json({"name": "inception_v3", "blocks": [3, 4]})
