"""What every objective must do. A new file in fkd_core/objectives is tested by a line here."""

from __future__ import annotations

import math
import os
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.fitting.steps import Graph, stepper
from fkd_core.models.unet import UNet
from fkd_core.objectives.base import Objective
from fkd_core.objectives.cells import Cells
from fkd_core.objectives.coordinates import Coordinates
from fkd_core.objectives.heatmap import Heatmap
from fkd_core.objectives.simcc import SimCC
from fkd_core.sources import COMPLETE

OBJECTIVES: list[Objective] = [
    Coordinates(),
    Heatmap(),
    Heatmap(cells=Cells(24, 2), sigma=0.5),
    Heatmap(cells=Cells(96, 8), sigma=3.0),
    SimCC(),
    SimCC(cells=Cells(96, 8), sigma=0.7),
]
if os.environ.get("FKD_TEST_BACKEND") == "jax":  # which compiles every operation for every size
    OBJECTIVES = [Coordinates(), Heatmap(), SimCC()]
EVERY = pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
STEPS = 1500
"""Within these a tiny network must learn eight faces by heart."""


def says(objective: Objective, targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a layer puts out that says these finite targets perfectly."""
    encoded = np.asarray(objective.encode(targets))
    return encoded if isinstance(objective, Coordinates) else np.log(encoded + 1e-30)


def loss_and_gradient(
    objective: Objective, targets: NDArray[np.float32], output: NDArray[np.float32]
) -> tuple[float, NDArray[np.float32]]:
    import keras

    if keras.backend.backend() == "jax":
        import jax

        loss, gradient = jax.jit(jax.value_and_grad(partial(objective.loss, targets)))(output)
        return float(loss), np.asarray(gradient)
    import tensorflow as tf

    given = tf.constant(output)
    with tf.GradientTape() as tape:
        tape.watch(given)
        loss = objective.loss(tf.constant(targets), given)
    return float(loss), np.asarray(tape.gradient(loss, given))


@EVERY
def test_what_is_encoded_is_decoded_at_the_border_and_outside_too(objective: Objective) -> None:
    x = np.linspace(-5.0, 100.0, 1051, dtype=np.float32)
    targets = np.stack([x, np.random.default_rng(0).permutation(x)], axis=1)
    decoded = np.asarray(objective.decode(says(objective, targets)))
    np.testing.assert_allclose(decoded, targets, atol=0.05)


@EVERY
def test_points_far_outside_are_said_to_lie_at_the_end(objective: Objective) -> None:
    targets = np.array([[-500.0, 500.0]], np.float32)
    decoded = np.asarray(objective.decode(says(objective, targets)))[0]
    if isinstance(objective, Coordinates):
        np.testing.assert_array_equal(decoded, targets[0])
    else:
        assert -10 < decoded[0] < -4
        assert 99 < decoded[1] < 105


@EVERY
def test_gradients_are_finite_and_unlabelled_points_have_none(objective: Objective) -> None:
    rng = np.random.default_rng(1)
    whole = rng.uniform(10, 85, (3, 6)).astype(np.float32)
    output = says(objective, np.roll(whole, 1, axis=0))
    targets = whole.copy()
    targets[1, 2:4] = np.nan
    loss, gradient = loss_and_gradient(objective, targets, output)
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    blind = _of_point(objective, gradient[1], 1)
    assert not blind.any()
    assert _of_point(objective, gradient[1], 0).any()
    nothing, none = loss_and_gradient(objective, np.full_like(targets, np.nan), output)
    assert nothing == 0.0
    assert not none.any()


@EVERY
def test_the_right_answer_has_the_least_loss(objective: Objective) -> None:
    targets = np.array([[20.0, 30.0, 60.0, 70.0]], np.float32)
    right, gradient = loss_and_gradient(objective, targets, says(objective, targets))
    wrong, _ = loss_and_gradient(objective, targets, says(objective, targets + 3))
    assert right < wrong
    assert np.abs(gradient).max() < 1e-3


@EVERY
def test_a_loss_is_a_mean_over_what_is_labelled(objective: Objective) -> None:
    rng = np.random.default_rng(2)
    targets = rng.uniform(10, 85, (2, 4)).astype(np.float32)
    output = says(objective, targets + 2)
    whole, _ = loss_and_gradient(objective, targets, output)
    each = [loss_and_gradient(objective, targets[i : i + 1], output[i : i + 1])[0] for i in (0, 1)]
    assert whole == pytest.approx(np.mean(each), rel=1e-4)
    half = targets.copy()
    half[1] = np.nan
    assert loss_and_gradient(objective, half, output)[0] == pytest.approx(each[0], rel=1e-4)


def test_a_gaussian_under_half_a_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="half a cell"):
        Heatmap(sigma=0.4).encode(np.zeros((1, 2), np.float32))


def test_shares_are_a_gaussian_of_the_deviation_asked_for() -> None:
    (shares,) = np.asarray(Cells(96).soft_labels(np.array([40.3], np.float32), 2.0))
    assert shares.sum() == pytest.approx(1.0, rel=1e-5)
    at = np.arange(96)
    assert (shares * at).sum() == pytest.approx(40.3, abs=1e-3)
    assert np.sqrt((shares * (at - 40.3) ** 2).sum()) == pytest.approx(2.0, abs=0.01)


def test_a_network_that_classifies_learns_eight_faces_by_heart(faces: Faces) -> None:
    images, targets = faces.images[:8], faces.points[:8].reshape(8, -1)
    model = stepper(Graph(UNet(width=8, depth=2, downsample=4, says="simcc"), COMPLETE.outputs, 8))
    model.reset(0)
    rmse = math.inf
    for step in range(STEPS):
        rate = 2e-3 * (1 + math.cos(math.pi * step / STEPS))
        model.step(images, targets, np.float32(rate))
        if step % 50 == 49:
            rmse = float(np.sqrt(np.nanmean((model.predict(images) - targets) ** 2)))
            if rmse < 1.0:
                break
    assert rmse < 1.0


def _of_point(
    objective: Objective, output: NDArray[np.float32], point: int
) -> NDArray[np.float32]:
    """What belongs to one point, of a face's output."""
    if isinstance(objective, Heatmap):
        return output[..., point]
    return output[2 * point : 2 * point + 2]
