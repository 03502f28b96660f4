"""How a policy becomes an ordinary albumentations Compose."""

from __future__ import annotations

import albumentations as A
import numpy as np
import pytest

from fkd_core.augment.compose import compose, reseed
from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.errors import UserError

IMAGE = np.random.default_rng(0).integers(60, 180, (96, 96)).astype(np.uint8)
POINTS = np.random.default_rng(1).uniform(30, 65, (15, 2)).astype(np.float32)


def copies(policy: Policy, number: int) -> list[np.ndarray]:
    pipeline = compose(policy)
    images = []
    for copy in range(number):
        reseed(pipeline, 3, 1, copy)
        images.append(pipeline(image=IMAGE, keypoints=POINTS)["image"])
    return images


def test_a_policy_is_an_ordinary_compose() -> None:
    policy = Policy((Step("rotation"), Step("gamma")))
    assert isinstance(compose(policy), A.Compose)


def test_a_policy_without_steps_changes_nothing() -> None:
    result = compose(Policy())(image=IMAGE, keypoints=POINTS)
    assert np.array_equal(result["image"], IMAGE)
    assert np.array_equal(result["keypoints"], POINTS)


@pytest.mark.parametrize("choice", ["all", "one"])
def test_an_unknown_transform_is_the_users_mistake(choice: str) -> None:
    with pytest.raises(UserError, match=r"'rotate'.*choose among: aspect, elastic"):
        compose(Policy((Step("rotate"),), choice))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["shift", "brighten"])
def test_a_step_happens_as_often_as_its_probability_says(name: str) -> None:
    images = copies(Policy((Step(name, 0.3, 1.0),)), 400)
    share = np.mean([not np.array_equal(image, IMAGE) for image in images])
    assert share == pytest.approx(0.3, abs=0.08)


def test_steps_happen_independently_of_each_other() -> None:
    # The library's own seeding starts every step from the same number: all happen or none.
    images = copies(Policy((Step("mirror", 0.5), Step("brighten", 0.5, 1.0))), 400)
    flipped = IMAGE[:, ::-1]
    mirrored = np.array([np.corrcoef(i.ravel(), flipped.ravel())[0, 1] > 0.9 for i in images])
    brighter = np.array([i.mean() > IMAGE.mean() + 1 for i in images])
    assert 0.15 < (mirrored & brighter).mean() < 0.35
    assert 0.15 < (mirrored & ~brighter).mean() < 0.35


def test_one_step_or_nothing_is_drawn_uniformly_whatever_the_probabilities() -> None:
    policy = Policy((Step("mirror", 0.0), Step("brighten", 1.0, 1.0)), "one")
    images = copies(policy, 600)
    untouched = np.mean([np.array_equal(i, IMAGE) for i in images])
    mirrored = np.mean([np.array_equal(i, IMAGE[:, ::-1]) for i in images])
    assert untouched == pytest.approx(1 / 3, abs=0.06)
    assert mirrored == pytest.approx(1 / 3, abs=0.06)


def test_no_strength_means_a_new_one_for_every_copy() -> None:
    noise = [
        (image.astype(float) - IMAGE).std()
        for image in copies(Policy((Step("gaussian_noise", 1.0, None),)), 60)
    ]
    ends = TRANSFORMS["gaussian_noise"].weakest * 255, TRANSFORMS["gaussian_noise"].strongest * 255
    assert min(noise) < ends[0] + 1.5
    assert max(noise) > ends[1] - 1.5


def test_geometry_is_sampled_once_so_opposite_turns_keep_a_picture_sharp() -> None:
    # Twelve separate samplings would lose most of the noise's variance.
    steps = tuple(Step("shift", 1.0, 0.0) for _ in range(12))
    sampled = np.mean([image[20:76, 20:76].std() for image in copies(Policy(steps), 80)])
    single = np.mean([i[20:76, 20:76].std() for i in copies(Policy(steps[:1]), 80)])
    assert sampled == pytest.approx(single, rel=0.1)
