"""How fast a core of this machine is, for estimates of what was not measured here yet."""

from __future__ import annotations

import functools
import time

import numpy as np
from threadpoolctl import threadpool_limits

REFERENCE = 48.0
"""Billions of operations a second in products of float32 matrices, of one core like those on which
the search spaces' IMAGES_A_SECOND were measured. Networks train as much faster as this is."""
_LEAST, _MOST = 0.25, 4.0
_SIZE, _TRIES = 384, 40


@functools.cache
def core_speed() -> float:
    """How many times as fast as that one core here is, 0.25 to 4; takes 0.1 s, once a process."""
    a = np.random.default_rng(0).normal(size=(_SIZE, _SIZE)).astype(np.float32)
    best = float("inf")
    with threadpool_limits(1):
        for _ in range(_TRIES):  # the best of many: other work on the machine only slows one down
            began = time.perf_counter()
            a @ a
            best = min(best, time.perf_counter() - began)
    return float(np.clip(2e-9 * _SIZE**3 / best / REFERENCE, _LEAST, _MOST))
