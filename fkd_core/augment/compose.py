"""A policy as an ordinary ``albumentations.Compose``.

Geometric steps come first, together, as one warp sampled once; the others follow in the policy's
order. So noise stays independent from pixel to pixel, and squares stay square.
"""

from __future__ import annotations

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or the import calls the network

import random
from functools import reduce
from typing import Any

import albumentations as A
import numpy as np
from albumentations.core.type_definitions import Targets
from numpy.typing import NDArray

from fkd_core.augment.geometry import Warp, move_points, warp_image
from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.transforms import TRANSFORMS, Transform
from fkd_core.errors import UserError

StepFields = tuple[str, float, float | None]
"""(transform, probability, strength): a Step that albumentations can serialise."""


def transform_of(name: str) -> Transform:
    """The transform of this name. Raises UserError that lists the names there are."""
    try:
        return TRANSFORMS[name]
    except KeyError:
        known = ", ".join(TRANSFORMS)
        raise UserError(f"there is no transform named {name!r}; choose among: {known}") from None


def _amount(transform: Transform, strength: float | None, rng: np.random.Generator) -> float:
    return transform.amount(rng.uniform() if strength is None else strength)


class Geometry(A.DualTransform):  # type: ignore[misc]
    """Every geometric step of a policy, drawn each with its own probability, sampled once.

    Pictures are uint8 [96, 96]; keypoints are the 15 in the competition's order, NaN where
    missing. ``remove_invisible=False`` is required of the Compose's keypoint parameters.
    """

    _targets = (Targets.IMAGE, Targets.KEYPOINTS)

    def __init__(self, steps: tuple[StepFields, ...] = (), p: float = 1.0) -> None:
        super().__init__(p=p)
        self.steps = tuple((name, chance, strength) for name, chance, strength in steps)
        self._drawn = [(transform_of(name), chance, strength) for name, chance, strength in steps]

    def get_params(self) -> dict[str, Any]:
        """Draws the warp of one copy; None where no step came up."""
        rng = self.random_generator
        warps = [
            transform.warp(_amount(transform, strength, rng), rng)
            for transform, probability, strength in self._drawn
            if transform.warp is not None and rng.uniform() < probability
        ]
        return {"warp": reduce(Warp.then, warps) if warps else None}

    def apply(self, img: NDArray[np.uint8], warp: Warp | None, **_: Any) -> NDArray[np.uint8]:
        """The warped picture."""
        return img if warp is None else warp_image(img, warp)

    def apply_to_keypoints(
        self, keypoints: NDArray[np.float32], warp: Warp | None, **_: Any
    ) -> NDArray[np.float32]:
        """The moved keypoints; columns beyond x and y stay as they are."""
        if warp is None:
            return keypoints
        moved = keypoints.copy()
        moved[:, :2] = move_points(keypoints[:, :2], warp)
        return moved


class Photometric(A.ImageOnlyTransform):  # type: ignore[misc]
    """One step that changes gray levels only."""

    def __init__(self, name: str, strength: float | None = None, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.name = name
        self.strength = strength
        self._transform = transform_of(name)

    def apply(self, img: NDArray[np.uint8], **_: Any) -> NDArray[np.uint8]:
        """The changed picture, uint8."""
        assert self._transform.look is not None
        rng = self.random_generator
        return self._transform.look(_amount(self._transform, self.strength, rng), rng, img)


def _single(step: Step) -> Geometry | Photometric:
    """A step that always happens."""
    if transform_of(step.transform).geometric:
        return Geometry(((step.transform, 1.0, step.strength),))
    return Photometric(step.transform, step.strength, p=1.0)


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
            Geometry(tuple((s.transform, s.probability, s.strength) for s in geometric)),
            *(Photometric(s.transform, s.strength, s.probability) for s in others),
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
