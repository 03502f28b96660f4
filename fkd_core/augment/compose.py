"""A policy as an ordinary ``albumentations.Compose``, for pipelines of one's own.

It draws from the same distributions as ``render``, which does many faces at once, with other
random numbers.

Geometric steps come first, together, as one warp sampled once; the others follow in the policy's
order. So noise stays independent from pixel to pixel, and squares stay square.
"""

from __future__ import annotations

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or the import calls the network

import random
from typing import Any

import albumentations as A
import numpy as np
from albumentations.core.type_definitions import Targets
from numpy.typing import NDArray

from fkd_core.augment.draw import transform_of
from fkd_core.augment.draws import Numbers
from fkd_core.augment.geometry import Warps, move_points, sample
from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.transforms import Transform

StepFields = tuple[str, float, float | None, float]
"""(transform, probability, strength, share): a Step that albumentations can serialise."""
ALONE = np.zeros(1, np.intp)


def _numbers(
    transform: Transform, strength: float | None, share: float, rng: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Amount [1] and random numbers [draws, 1] of one picture."""
    drawn = rng.uniform(size=1) if strength is None else np.full(1, float(strength))
    return transform.amount(drawn, share), rng.uniform(size=(transform.draws, 1))


class Geometry(A.DualTransform):  # type: ignore[misc]
    """Every geometric step of a policy, drawn each with its own probability, sampled once.

    Pictures are uint8 [96, 96]; keypoints are the 15 in the competition's order, NaN where
    missing. ``remove_invisible=False`` is required of the Compose's keypoint parameters.
    """

    _targets = (Targets.IMAGE, Targets.KEYPOINTS)

    def __init__(self, steps: tuple[StepFields, ...] = (), p: float = 1.0) -> None:
        super().__init__(p=p)
        self.steps = tuple((name, p, strength, share) for name, p, strength, share in steps)
        self._drawn = [(transform_of(name), p, s, share) for name, p, s, share in steps]

    def get_params(self) -> dict[str, Any]:
        """Draws the warp of one copy; None where no step came up."""
        rng: np.random.Generator = self.random_generator
        warps: Warps | None = None
        for transform, probability, strength, share in self._drawn:
            if transform.warp is not None and rng.uniform() < probability:
                warp = transform.warp(*_numbers(transform, strength, share, rng))
                warps = (Warps.still(1) if warps is None else warps).then(warp, ALONE)
        return {"warps": warps}

    def apply(self, img: NDArray[np.uint8], warps: Warps | None, **_: Any) -> NDArray[np.uint8]:
        """The warped picture."""
        return img if warps is None else sample(img[None], warps)[0]

    def apply_to_keypoints(
        self, keypoints: NDArray[np.float32], warps: Warps | None, **_: Any
    ) -> NDArray[np.float32]:
        """The moved keypoints; columns beyond x and y stay as they are."""
        if warps is None:
            return keypoints
        moved = keypoints.copy()
        moved[:, :2] = move_points(keypoints[None, :, :2], warps)[0]
        return moved


class Photometric(A.ImageOnlyTransform):  # type: ignore[misc]
    """One step that changes gray levels only."""

    def __init__(
        self, name: str, strength: float | None = None, share: float = 1.0, p: float = 0.5
    ) -> None:
        super().__init__(p=p)
        self.name = name
        self.strength = strength
        self.share = share
        self._transform = transform_of(name)

    def apply(self, img: NDArray[np.uint8], **_: Any) -> NDArray[np.uint8]:
        """The changed picture, uint8."""
        assert self._transform.look is not None
        drawn = _numbers(self._transform, self.strength, self.share, self.random_generator)
        changed: NDArray[np.uint8] = self._transform.look(*drawn, img[None])[0]
        return changed


def _single(step: Step) -> Geometry | Photometric:
    """A step that always happens."""
    if transform_of(step.transform).geometric:
        return Geometry(((step.transform, 1.0, step.strength, step.share),))
    return Photometric(step.transform, step.strength, step.share, p=1.0)


def compose(policy: Policy) -> A.Compose:
    """The policy, ready for ``compose(policy)(image=..., keypoints=...)``.

    Takes uint8 [96, 96] and float32 [15, 2], gives the same. Seed it with `reseed`, not with the
    library's ``set_random_seed``, which starts every step from the same number, so that either
    all of them happen or none. Raises UserError for a transform that does not exist.
    """
    keypoints = A.KeypointParams(format="xy", remove_invisible=False)
    if policy.choice == "one" and policy.steps:
        steps = [*(_single(step) for step in policy.steps), A.NoOp(p=1.0)]
        return A.Compose([A.OneOf(steps, p=1.0)], keypoint_params=keypoints)
    geometric = [step for step in policy.steps if transform_of(step.transform).geometric]
    others = [step for step in policy.steps if not transform_of(step.transform).geometric]
    return A.Compose(
        [
            Geometry(tuple((s.transform, s.probability, s.strength, s.share) for s in geometric)),
            *(Photometric(s.transform, s.strength, s.share, s.probability) for s in others),
        ],
        keypoint_params=keypoints,
    )


def reseed(pipeline: A.Compose, seed: int, row: int, copy: int) -> None:
    """Makes the pipeline's next call depend on these three numbers and nothing before.

    Philox is counter-based (Salmon et al., SC 2011): seed and row are its key, the copy the high
    word of its counter, so no two streams overlap, and none needs the others to be drawn first.
    """
    key = [seed % 2**64, row % 2**64]
    rng = np.random.Generator(np.random.Philox(counter=[0, 0, 0, copy], key=key))
    pipeline.set_random_state(rng, random.Random(int(rng.integers(2**63))))
