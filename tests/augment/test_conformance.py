"""What every transform must do. A new entry in TRANSFORMS is tested here without a new line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from albumentations import Compose
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fkd_core.augment.compose import compose, reseed
from fkd_core.augment.geometry import move_points, sample
from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.keypoints import IMAGE_SIZE, KEYPOINTS, MIRROR

EVERY = pytest.mark.parametrize("name", TRANSFORMS)
GEOMETRIC = [name for name, transform in TRANSFORMS.items() if transform.geometric]
OTHERS = [name for name in TRANSFORMS if name not in GEOMETRIC]
STRENGTHS = (0.0, 0.5, 1.0)
BACKGROUND, PEAK, WIDTH = 30.0, 120.0, 1.5

Image = NDArray[np.uint8]
Points = NDArray[np.float32]


def always(*steps: tuple[str, float]) -> Compose:
    return compose(Policy(tuple(Step(name, 1.0, strength) for name, strength in steps)))


def run(pipeline: Compose, image: Image, points: Points, number: int) -> tuple[Image, Points]:
    reseed(pipeline, 7, number, 0)
    result = pipeline(image=image, keypoints=points)
    return result["image"], result["keypoints"]


def blob_at(x: float, y: float) -> Image:
    grid = np.arange(IMAGE_SIZE)
    row = np.exp(-((grid - x) ** 2) / (2 * WIDTH**2))
    column = np.exp(-((grid - y) ** 2) / (2 * WIDTH**2))
    return np.rint(BACKGROUND + PEAK * column[:, None] * row[None, :]).astype(np.uint8)


def blob_found(image: Image, near: NDArray[np.floating], reach: int = 7) -> NDArray[np.floating]:
    """Centre of mass in a window about `near`; the window follows the blob it finds."""
    grid_y, grid_x = np.indices(image.shape)
    centre = np.asarray(near, dtype=np.float64)
    for _ in range(6):
        window = (np.abs(grid_x - centre[0]) <= reach) & (np.abs(grid_y - centre[1]) <= reach)
        above = np.where(window, image.astype(float) - np.median(image), 0.0)
        above = np.where(above > 0.1 * above.max(), above, 0.0)
        centre = np.array([(above * grid_x).sum(), (above * grid_y).sum()]) / above.sum()
    return centre


def one_point(x: float, y: float, which: int = 10) -> Points:
    points = np.full((len(KEYPOINTS), 2), np.nan, np.float32)
    points[which] = x, y
    return points


def clear_of_the_border(point: NDArray[np.floating]) -> bool:
    return bool(((point > 10) & (point < IMAGE_SIZE - 11)).all())


def misses(pipeline: Compose, draws: int) -> NDArray[np.floating]:
    """Distances in pixels between where a blob is and where its keypoint says it is."""
    rng = np.random.default_rng(5)
    found = []
    for number in range(draws):
        start = rng.uniform(15, 80, 2).astype(np.float32)
        image, points = run(pipeline, blob_at(*start), one_point(*start), number)
        at = points[np.isfinite(points[:, 0])]
        if len(at) and clear_of_the_border(at[0]):
            found.append(np.linalg.norm(blob_found(image, at[0]) - at[0]))
    assert len(found) > draws // 2
    return np.array(found)


@pytest.fixture
def face() -> tuple[Image, Points]:
    """A picture with detail at every size, and 15 points of which three are missing."""
    rng = np.random.default_rng(3)
    coarse = np.kron(rng.uniform(60, 180, (12, 12)), np.ones((8, 8)))
    image = np.rint(coarse + rng.uniform(-40, 40, coarse.shape)).astype(np.uint8)
    points = rng.uniform(30, 65, (len(KEYPOINTS), 2)).astype(np.float32)
    points[[2, 7, 13]] = np.nan
    return image, points


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("name", GEOMETRIC)
def test_a_keypoint_goes_exactly_where_its_pixels_go(name: str, strength: float) -> None:
    distances = misses(always((name, strength)), draws=60)
    assert distances.mean() < 0.15
    assert distances.max() < 0.3


def test_a_keypoint_follows_its_pixels_through_all_geometry_at_once() -> None:
    distances = misses(always(*((name, 0.7) for name in GEOMETRIC)), draws=100)
    assert distances.mean() < 0.15
    assert distances.max() < 0.3


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    steps=st.lists(st.tuples(st.sampled_from(GEOMETRIC), st.floats(0, 1)), min_size=1, max_size=3),
    x=st.floats(20, 75),
    y=st.floats(20, 75),
    number=st.integers(0, 10_000),
)
def test_any_combination_of_geometry_carries_its_keypoints_along(
    steps: list[tuple[str, float]], x: float, y: float, number: int
) -> None:
    image, points = run(always(*steps), blob_at(x, y), one_point(x, y), number)
    at = points[np.isfinite(points[:, 0])]
    if len(at) and clear_of_the_border(at[0]):
        # Several bends at once distort the blob itself, which moves its centre of mass.
        assert np.linalg.norm(blob_found(image, at[0]) - at[0]) < 0.4


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("name", OTHERS)
def test_other_transforms_leave_every_keypoint_and_blob_where_it_was(
    name: str, strength: float
) -> None:
    pipeline = always((name, strength))
    places = []
    for number in range(25):
        image, points = run(pipeline, blob_at(41.3, 52.6), one_point(41.3, 52.6), number)
        assert np.array_equal(points, one_point(41.3, 52.6), equal_nan=True)
        places.append(blob_found(image, points[10], reach=6))
    # The median over draws: noise and squares disturb one picture, not the typical one.
    assert np.abs(np.median(places, axis=0) - (41.3, 52.6)).max() < 0.15


@EVERY
@pytest.mark.parametrize("strength", STRENGTHS)
def test_pictures_stay_uint8_of_equal_size_and_originals_untouched(
    name: str, strength: float, face: tuple[Image, Points]
) -> None:
    image, points = face[0].copy(), face[1].copy()
    changed, moved = run(always((name, strength)), image, points, 1)
    assert (changed.dtype, changed.shape) == (np.uint8, image.shape)
    assert (moved.dtype, moved.shape) == (np.float32, points.shape)
    assert np.array_equal(image, face[0])
    assert np.array_equal(points, face[1], equal_nan=True)


@EVERY
def test_gray_levels_never_wrap_around(name: str) -> None:
    # These move white or black far on purpose; for all others a jump means an overflow.
    if name in ("coarse_dropout", "clahe", "dim", "light_gradient"):
        return
    for level in (0, 255):
        image = np.full((IMAGE_SIZE, IMAGE_SIZE), level, np.uint8)
        for number in range(5):
            changed, _ = run(always((name, 1.0)), image, one_point(40, 40), number)
            assert np.abs(changed.astype(int) - level).max() <= 80


@EVERY
@pytest.mark.parametrize("strength", [0.0, None])
def test_even_the_weakest_setting_changes_the_picture(
    name: str, strength: float | None, face: tuple[Image, Points]
) -> None:
    pipeline = compose(Policy((Step(name, 1.0, strength),)))
    changes = [
        np.abs(run(pipeline, *face, number)[0].astype(float) - face[0]).mean()
        for number in range(10)
    ]
    assert np.mean(changes) > 0.5


@EVERY
def test_more_strength_changes_more(name: str, face: tuple[Image, Points]) -> None:
    def change(strength: float) -> float:
        pipeline = always((name, strength))
        runs = [run(pipeline, *face, number)[0].astype(float) for number in range(20)]
        return float(np.mean([np.abs(image - face[0]).mean() for image in runs]))

    if TRANSFORMS[name].has_strength:
        assert change(1.0) > change(0.0)
    else:
        assert change(1.0) == change(0.0)


@EVERY
def test_missing_keypoints_stay_missing(name: str, face: tuple[Image, Points]) -> None:
    image, points = face
    _, moved = run(always((name, 0.0)), image, points, 2)
    expected = np.isnan(points[list(MIRROR)] if name == "mirror" else points)
    assert np.array_equal(np.isnan(moved), expected)


@pytest.mark.parametrize("name", GEOMETRIC)
def test_keypoints_that_leave_the_frame_become_missing(name: str) -> None:
    edge = np.linspace(0, 95, len(KEYPOINTS), dtype=np.float32)
    corners = np.stack([edge, np.where(np.arange(len(edge)) % 2, 0.0, 95.0)], axis=1)
    image = blob_at(48, 48)
    for number in range(20):
        _, moved = run(always((name, 1.0)), image, corners.astype(np.float32), number)
        known = moved[np.isfinite(moved).all(axis=1)]
        assert np.array_equal(np.isnan(moved[:, 0]), np.isnan(moved[:, 1]))
        assert ((known >= 0) & (known <= 95)).all()


@EVERY
def test_the_same_seed_gives_the_same_copy_and_another_seed_another(
    name: str, face: tuple[Image, Points]
) -> None:
    pipeline = always((name, 0.5))
    first, second, third = (run(pipeline, *face, number) for number in (1, 1, 2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1], equal_nan=True)
    nothing_to_draw = {"mirror", "mirror_without_swap", "clahe", "sharpen", "box_blur"}
    if name not in nothing_to_draw | {"laplacian_smoothing"}:
        assert not np.array_equal(first[0], third[0])


@EVERY
def test_every_transform_says_what_it_does_and_what_its_strength_means(name: str) -> None:
    transform = TRANSFORMS[name]
    assert transform.name == name
    assert transform.sentence.endswith(".")
    if transform.has_strength:
        assert len({transform.describe(strength) for strength in STRENGTHS}) == 3
    else:
        assert transform.describe(0.3) == "no strength"


@EVERY
def test_a_tiny_share_of_a_transform_leaves_nearly_the_original(
    name: str, face: tuple[Image, Points]
) -> None:
    if not TRANSFORMS[name].has_strength or name == "clahe":  # which equalises or does not
        return
    policy = Policy((Step(name, 1.0, 1.0),))
    changes = [
        np.abs(run(compose(p), *face, 1)[0].astype(float) - face[0]).mean()
        for p in (policy, policy.lighter(0.4), policy.lighter(0.4).lighter(0.001))
    ]
    assert changes[0] > changes[1] > changes[2]
    assert changes[2] < 0.1


@EVERY
def test_many_pictures_at_once_change_as_each_alone(name: str, face: tuple[Image, Points]) -> None:
    transform = TRANSFORMS[name]
    rng = np.random.default_rng(2)
    u = rng.uniform(size=(transform.draws, 5))
    amounts = transform.amount(rng.uniform(size=5))
    images = np.stack([np.roll(face[0], k, axis=0) for k in range(5)])
    points = np.stack([face[1]] * 5)

    def changed(at: slice) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        if transform.look is not None:
            return transform.look(amounts[at], u[:, at], images[at]), points[at].astype(float)
        assert transform.warp is not None
        warps = transform.warp(amounts[at], u[:, at])
        return sample(images[at], warps), move_points(points[at], warps)

    together = changed(slice(0, 5))
    for k in range(5):
        alone = changed(slice(k, k + 1))
        assert np.array_equal(together[0][k], alone[0][0])
        assert np.array_equal(together[1][k], alone[1][0], equal_nan=True)


@EVERY
def test_policies_are_what_albumentations_can_write_down(name: str) -> None:
    text = json.dumps(always((name, 0.5)).to_dict())
    assert name in text
