"""One copy of many faces at once: numbers drawn, warps composed, pictures changed in blocks."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.draws import Numbers, uniform
from fkd_core.augment.geometry import Warps, move_points, sample
from fkd_core.augment.policy import Policy
from fkd_core.augment.transforms import TRANSFORMS, Transform
from fkd_core.errors import UserError

BLOCK = 128
"""Pictures worked on together: enough to spread the cost of a call, few enough for the cache."""


def transform_of(name: str) -> Transform:
    """The transform of this name. Raises UserError that lists the names there are."""
    try:
        return TRANSFORMS[name]
    except KeyError:
        known = ", ".join(TRANSFORMS)
        raise UserError(f"there is no transform named {name!r}; choose among: {known}") from None


def draw_copy(
    images: NDArray[np.uint8],
    points: NDArray[np.float32],
    rows: NDArray[np.int32],
    policy: Policy,
    seed: int,
    copy: int,
    frames: NDArray[np.float64] | None,
    shown: NDArray[np.uint8],
    moved: NDArray[np.float32],
) -> None:
    """Writes one augmented version of every face into `shown` and `moved`.

    Shapes are those of ``render.render``. A version depends on its seed, row and copy alone.
    """
    for name in (step.transform for step in policy.steps):
        transform_of(name)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # at 96 x 96 threads cost more than they give
    try:
        for start in range(0, len(images), BLOCK):
            block = slice(start, start + BLOCK)
            drawn = list(_drawn(policy, seed, copy, rows[block]))
            warps = Warps.still(len(images[block]))
            if frames is not None:
                warps.matrix[:, :2] = frames[block]
            for step in drawn:
                if step.transform.warp is not None and len(step.at):
                    warps = warps.then(step.transform.warp(step.amount, step.u), step.at)
            pictures = sample(images[block], warps)
            for step in drawn:
                if step.transform.look is not None and len(step.at):
                    changed = step.transform.look(step.amount, step.u, pictures[step.at])
                    pictures[step.at] = changed
            shown[block] = pictures
            moved[block] = move_points(points[block], warps)
    finally:
        cv2.setNumThreads(threads)


@dataclass(frozen=True)
class _Drawn:
    """One step of a policy as it came out for some faces."""

    transform: Transform
    at: NDArray[np.intp]
    """Positions of the faces that get it."""
    amount: Numbers
    """[len(at)], in the transform's unit."""
    u: Numbers
    """[draws, len(at)]."""


def _drawn(policy: Policy, seed: int, copy: int, rows: NDArray[np.int32]) -> Iterator[_Drawn]:
    """What every step of the policy does to the faces of these rows.

    A step's numbers are those of its transform: two policies that share a transform draw the same
    for it, so that they are compared on equal terms.
    """
    which = None
    if policy.choice == "one":
        (u,) = uniform(seed, copy, rows, 0, 1)
        which = (u * (len(policy.steps) + 1)).astype(np.int64)  # the last is nothing
    seen = Counter[str]()
    for place, step in enumerate(policy.steps):
        transform = transform_of(step.transform)
        stream = zlib.crc32(f"{step.transform} {seen[step.transform]}".encode())
        seen[step.transform] += 1
        chance, strength, *u = uniform(seed, copy, rows, stream, 2 + transform.draws)
        at = np.flatnonzero(chance < step.probability if which is None else which == place)
        if step.strength is not None:
            strength = np.full_like(chance, step.strength)
        amount = transform.amount(strength[at], step.share)
        numbers = np.array(u).reshape(transform.draws, len(rows))
        yield _Drawn(transform, at, amount, numbers[:, at])
