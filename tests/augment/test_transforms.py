"""What single transforms must do beyond what all of them must."""

from __future__ import annotations

import numpy as np
import pytest

from fkd_core.augment.compose import compose, reseed
from fkd_core.augment.geometry import move_points
from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.transforms import (
    TRANSFORMS,
    Transform,
    box_blur,
    contrast_stretch,
    elastic,
    gaussian_noise,
)
from fkd_core.keypoints import KEYPOINTS

REFERENCE = {
    "rotation": (5.0, 9.0, 13.0),
    "shift": (5.0,),
    "brighten": (1.2, 1.5),
    "dim": (0.6, 0.8),
    "contrast_stretch": (1.2, 1.5, 2.0),
    "clahe": (0.03,),
    "gaussian_noise": (0.008,),
    "elastic": (1.0, 1.5),
    "sharpen": (1.0,),
    "box_blur": (7.0,),
}
"""The settings of the published solution this project measures itself against."""


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_settings_can_be_reached(name: str) -> None:
    transform = TRANSFORMS[name]
    ends = sorted((transform.weakest, transform.strongest))
    assert all(ends[0] <= amount <= ends[1] for amount in REFERENCE[name])


def test_strength_has_the_documented_physical_meaning() -> None:
    assert TRANSFORMS["rotation"].describe(0.4) == "±10.4 degrees"
    assert TRANSFORMS["dim"].amount(0.5) == pytest.approx(0.6)


def test_only_the_harmful_control_is_no_candidate() -> None:
    assert [n for n, t in TRANSFORMS.items() if not t.candidate] == ["mirror_without_swap"]


def test_a_transform_moves_pixels_or_changes_them_but_not_neither() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Transform("nothing", "Does nothing.")


def test_mirroring_twice_gives_the_original_back() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (96, 96)).astype(np.uint8)
    points = rng.uniform(0, 95, (15, 2)).astype(np.float32)
    points[4] = np.nan
    mirror = compose(Policy((Step("mirror", 1.0),)))
    once = mirror(image=image, keypoints=points)
    twice = mirror(image=once["image"], keypoints=once["keypoints"])
    assert np.array_equal(once["image"], image[:, ::-1])
    assert np.array_equal(twice["image"], image)
    np.testing.assert_allclose(twice["keypoints"], points, atol=1e-4)


@pytest.mark.parametrize("name", KEYPOINTS)
def test_mirroring_gives_each_keypoint_the_name_of_the_other_side(name: str) -> None:
    points = np.full((15, 2), np.nan, np.float32)
    points[KEYPOINTS.index(name)] = 20, 30
    image = np.zeros((96, 96), np.uint8)
    mirrored = compose(Policy((Step("mirror", 1.0),)))(image=image, keypoints=points)["keypoints"]
    sides = {"left": "right", "right": "left"}
    partner = "_".join(sides.get(word, word) for word in name.split("_"))
    assert mirrored[KEYPOINTS.index(partner)].tolist() == [75.0, 30.0]
    assert np.isfinite(mirrored).sum() == 2


def test_the_control_mirrors_without_changing_names() -> None:
    points = np.full((15, 2), 20.0, np.float32)
    points[0] = 60, 30
    control = compose(Policy((Step("mirror_without_swap", 1.0),)))
    moved = control(image=np.zeros((96, 96), np.uint8), keypoints=points)["keypoints"]
    assert moved[0].tolist() == [35.0, 30.0]


@pytest.mark.parametrize("pixels", [0.5, 1.5])
def test_the_elastic_field_has_the_deviation_it_says_and_no_bias(pixels: float) -> None:
    rng = np.random.default_rng(1)
    fields = np.array([elastic.warp(pixels, rng).bend for _ in range(200)])
    assert fields.std() == pytest.approx(pixels, rel=0.05)
    assert abs(fields.mean()) < 0.05 * pixels


def test_an_elastic_fold_is_practically_never_met() -> None:
    rng = np.random.default_rng(2)
    points = rng.uniform(25, 70, (15, 2))
    lost = [np.isnan(move_points(points, elastic.warp(1.5, rng))) for _ in range(500)]
    assert np.mean(lost) == 0


def test_box_blur_of_an_odd_width_is_the_plain_box() -> None:
    image = np.zeros((96, 96), np.uint8)
    image[40, 40] = 245
    blurred = box_blur.look(7.0, np.random.default_rng(0), image)
    assert blurred[37:44, 37:44].tolist() == [[5] * 7] * 7
    assert blurred.sum() == 245


def test_noise_has_the_deviation_it_says_and_no_bias() -> None:
    image = np.full((96, 96), 120, np.uint8)
    noisy = gaussian_noise.look(0.03, np.random.default_rng(0), image).astype(float)
    assert noisy.std() == pytest.approx(0.03 * 255, rel=0.05)
    assert noisy.mean() == pytest.approx(120, abs=0.3)


def test_contrast_is_stretched_about_the_mean() -> None:
    image = np.tile(np.array([[100, 140]], np.uint8), (96, 48))
    stretched = contrast_stretch.look(2.0, np.random.default_rng(0), image)
    assert stretched.mean() == pytest.approx(120, abs=0.6)
    assert 40 < int(stretched.max()) - int(stretched.min()) <= 80


def test_edges_repeat_instead_of_turning_black() -> None:
    pipeline = compose(Policy((Step("shift", 1.0, 1.0), Step("rotation", 1.0, 1.0))))
    white = np.full((96, 96), 200, np.uint8)
    for number in range(10):
        reseed(pipeline, 0, number, 0)
        result = pipeline(image=white, keypoints=np.full((15, 2), 48, np.float32))
        assert (result["image"] == 200).all()
