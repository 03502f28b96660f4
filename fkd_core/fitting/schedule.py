"""The order of the faces, the learning rate of every step and when a fit looks at held-out faces:
all fixed by the spec and by how many faces there are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fkd_core.fitting.spec import Training

LOOKS = (4, 20)
"""How often a fit looks at its held-out faces, at least and at most."""
LOOKING = 0.1
"""Work on looks, as a part of that on steps; the least number of looks may take more."""
_STEP = 3
"""Work of a gradient step on a picture, in predictions of one: forward once, back twice."""


def steps_per_epoch(faces: int, batch_size: int) -> int:
    """Gradient steps that show every face once."""
    return math.ceil(faces / batch_size)


def batches(faces: int, batch_size: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """[steps, batch_size] positions of the faces, each once; -1 pads the last batch.

    Depends on nothing else, so compared arms see equal batches, and a resumed fit continues them.
    """
    order = np.full(steps_per_epoch(faces, batch_size) * batch_size, -1, np.intp)
    order[:faces] = np.random.default_rng([seed, epoch]).permutation(faces)
    return order.reshape(-1, batch_size)


def rates(training: Training, steps: int, epoch: int) -> NDArray[np.float32]:
    """[steps] learning rate of each step of this epoch (epochs count from 0)."""
    total = steps * training.epochs
    warm = training.warmup * total
    at = np.arange(epoch * steps, (epoch + 1) * steps, dtype=np.float64)
    scale = np.ones_like(at)
    if training.schedule == "cosine":
        progress = np.clip((at - warm) / max(1.0, total - warm), 0.0, 1.0)
        scale = 0.5 * (1.0 + np.cos(np.pi * progress))
    if warm:
        scale = np.where(at < warm, (at + 1) / (warm + 1), scale)
    return (training.learning_rate * scale).astype(np.float32)


def looks(epochs: int, trained: int, held_out: int) -> frozenset[int]:
    """The epochs, from 1, after which a fit on so many faces looks at those that it holds out: at
    equal distances, never more than a quarter of the fit. After the last it has its result."""
    affordable = LOOKING * _STEP * epochs * trained / max(1, held_out)
    least, most = LOOKS
    every = max(1, epochs // max(least, min(most, int(affordable))))
    return frozenset(range(every, epochs, every))
