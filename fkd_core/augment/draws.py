"""Random numbers that depend on their address alone: seed, copy, face, step.

Philox 4x32-10 (Salmon et al., SC 2011) turns a counter into random bits without any state, so the
numbers of all faces of a copy come from a few array operations, and those of any face are equal
whichever others are drawn beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Four random 32-bit words for each counter of four such words: [4, ...] to [4, ...]."""
    a, b, c, d = counter
    for turn in range(_ROUNDS):
        bump = [np.uint64((k + turn * w) % 2**32) for k, w in zip(key, _WEYL, strict=True)]
        left, right = _MULTIPLIER[0] * a, _MULTIPLIER[1] * c
        a, b = (right >> _HALF) ^ b ^ bump[0], right & _LOW
        c, d = (left >> _HALF) ^ d ^ bump[1], left & _LOW
    return np.stack([a, b, c, d])


_WEYL = (0x9E3779B9, 0xBB67AE85)
_MULTIPLIER = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))


def uniform(seed: int, copy: int, rows: NDArray[np.integer], stream: int, count: int) -> Numbers:
    """[count, n] numbers between 0 and 1, both excluded, for the n faces of these rows.

    Of seed and row the lowest 64 bits count, of copy and stream the lowest 32.
    """
    row = np.asarray(rows).astype(np.int64).astype(np.uint64)
    blocks = -(-count // 4)
    counter = np.empty((4, blocks, len(row)), np.uint64)
    counter[0] = row & _LOW
    counter[1] = row >> _HALF ^ np.arange(blocks, dtype=np.uint64)[:, None]
    counter[2] = copy % 2**32
    counter[3] = stream % 2**32
    words = philox(counter, (seed % 2**32, (seed >> 32) % 2**32))
    numbers = np.moveaxis(words, 0, 1).reshape(4 * blocks, len(row))[:count]
    return (numbers.astype(np.float64) + 0.5) / 2**32


def between(low: float | Numbers, high: float | Numbers, u: Numbers) -> Numbers:
    """Numbers 0..1 spread evenly from low to high."""
    return low + (high - low) * u
