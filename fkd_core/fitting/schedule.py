"""The order of the faces and the learning rate of every step, both fixed by the spec alone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fkd_core.fitting.spec import Training


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
