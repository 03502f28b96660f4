"""The optimiser computes what Keras's does."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from fkd_core.fitting.steps_optimizer import AdamW


def after(optimizer: Any, steps: int) -> tuple[Any, Any]:
    """A decayed and an undecayed variable after so many steps of falling rates."""
    kernel = keras.Variable(np.linspace(-2, 2, 12).reshape(3, 4), dtype="float32", name="kernel")
    bias = keras.Variable(np.linspace(-1, 1, 4), dtype="float32", name="bias")
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build([kernel, bias])
    rng = np.random.default_rng(0)
    for step in range(steps):
        optimizer.learning_rate.assign(0.1 / (1 + step))
        gradients = [rng.normal(size=v.shape).astype(np.float32) for v in (kernel, bias)]
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], [kernel, bias])
    return np.asarray(kernel), np.asarray(bias)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("ema", [False, True])
def test_steps_are_those_of_keras(decay: float, ema: bool) -> None:
    options = {"weight_decay": decay, "beta_2": 0.99, "use_ema": ema, "ema_momentum": 0.5}
    ours, theirs = AdamW(**options), keras.optimizers.AdamW(**options)
    for own, other in zip(after(ours, 7), after(theirs, 7), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-6)
    for own, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(np.asarray(own), np.asarray(other), rtol=1e-5, atol=1e-6)
