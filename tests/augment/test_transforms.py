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
    aspect,
    box_blur,
    contrast_stretch,
    elastic,
    gaussian_noise,
    light_gradient,
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


def test_a_share_scales_the_amount_from_what_changes_nothing() -> None:
    assert TRANSFORMS["rotation"].amount(0.25, 0.4) == pytest.approx(0.4 * 8)
    assert TRANSFORMS["dim"].amount(0.5, 0.4) == pytest.approx(1 - 0.4 * 0.4)
    assert TRANSFORMS["brighten"].amount(0.0, 0.5) == pytest.approx(1.1)


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


def numbers(name: str, n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(TRANSFORMS[name].draws, n))


@pytest.mark.parametrize("pixels", [0.5, 1.5])
def test_the_elastic_field_has_the_deviation_it_says_and_no_bias(pixels: float) -> None:
    fields = elastic.warp(np.full(200, pixels), numbers("elastic", 200)).bend
    assert fields is not None
    assert fields.std() == pytest.approx(pixels, rel=0.05)
    assert abs(fields.mean()) < 0.05 * pixels


def test_an_elastic_fold_is_practically_never_met() -> None:
    points = np.random.default_rng(2).uniform(25, 70, (500, 15, 2))
    warps = elastic.warp(np.full(500, 1.5), numbers("elastic", 500))
    assert np.isfinite(move_points(points, warps)).all()


def test_box_blur_of_an_odd_width_is_the_plain_box() -> None:
    image = np.zeros((1, 96, 96), np.uint8)
    image[0, 40, 40] = 245
    (blurred,) = box_blur.look(np.array([7.0]), numbers("box_blur", 1), image)
    assert blurred[37:44, 37:44].tolist() == [[5] * 7] * 7
    assert blurred.sum() == 245


def test_noise_has_the_deviation_it_says_and_no_bias() -> None:
    image = np.full((1, 96, 96), 120, np.uint8)
    u = numbers("gaussian_noise", 1)
    noisy = gaussian_noise.look(np.array([0.03]), u, image).astype(float)
    assert noisy.std() == pytest.approx(0.03 * 255, rel=0.05)
    assert noisy.mean() == pytest.approx(120, abs=0.3)


def test_contrast_is_stretched_about_the_mean() -> None:
    image = np.tile(np.array([[100, 140]], np.uint8), (1, 96, 48))
    stretched = contrast_stretch.look(np.array([2.0]), np.array([[0.6]]), image)
    assert sorted(set(stretched.ravel().tolist())) == [88, 152]


def test_light_comes_from_a_random_side_and_the_centre_keeps_its_gray() -> None:
    gray = np.full((40, 96, 96), 120, np.uint8)
    lit = light_gradient.look(np.full(40, 0.5), numbers("light_gradient", 40), gray).astype(float)
    np.testing.assert_allclose(lit[:, 47:49, 47:49].mean(axis=(1, 2)), 120, atol=1)
    np.testing.assert_allclose(lit + lit[:, ::-1, ::-1], 240, atol=1)  # opposite at the far side
    slope = np.hypot(lit[:, 48, 95] - 120, lit[:, 95, 48] - 120) / 120
    assert slope.min() < 0.1
    assert 0.4 < slope.max() <= 0.51


def test_aspect_changes_the_ratio_and_keeps_the_area() -> None:
    matrix = aspect.warp(np.full(50, 0.2), numbers("aspect", 50)).matrix
    np.testing.assert_allclose(np.linalg.det(matrix), 1)
    ratio = matrix[:, 0, 0] / matrix[:, 1, 1]
    assert 1 / 1.2 <= ratio.min() < 0.9
    assert 1.1 < ratio.max() <= 1.2


def test_edges_repeat_instead_of_turning_black() -> None:
    pipeline = compose(Policy((Step("shift", 1.0, 1.0), Step("rotation", 1.0, 1.0))))
    white = np.full((96, 96), 200, np.uint8)
    for number in range(10):
        reseed(pipeline, 0, number, 0)
        result = pipeline(image=white, keypoints=np.full((15, 2), 48, np.float32))
        assert (result["image"] == 200).all()
