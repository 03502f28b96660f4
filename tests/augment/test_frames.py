"""Faces shown in another frame: pictures straightened, points there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fkd_core.augment.frames import from_frame, straightened, to_frame
from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.render import rendered
from fkd_core.data.faces import Faces


def frame(degrees: float, scale: float, dx: float, dy: float) -> NDArray[np.float64]:
    """A similarity about the centre, then a shift."""
    angle = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([47.5, 47.5])
    return np.column_stack([linear, centre - linear @ centre + (dx, dy)])


SIMILARITY = st.builds(
    frame, st.floats(-60, 60), st.floats(0.7, 1.6), st.floats(-20, 20), st.floats(-20, 20)
)
TURNED = frame(17, 1.15, 3, -2)


def blob(x: float, y: float) -> NDArray[np.uint8]:
    grid = np.arange(96)
    row, column = np.exp(-((grid - x) ** 2) / 18), np.exp(-((grid - y) ** 2) / 18)
    return np.rint(20 + 200 * column[:, None] * row).astype(np.uint8)


def centre_of_mass(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    y, x = np.indices(image.shape)
    above = np.clip(image.astype(float) - 24, 0, None)
    return np.array([(above * x).sum(), (above * y).sum()]) / above.sum()


def faces_with(image: NDArray[np.uint8], points: NDArray[np.floating], n: int = 3) -> Faces:
    return Faces(
        np.stack([image] * n),
        np.stack([points] * n).astype(np.float32),
        np.zeros(n, np.int8),
        np.arange(n, dtype=np.uint64),
        np.arange(n, dtype=np.int32),
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(matrix=SIMILARITY, x=st.floats(0, 95), y=st.floats(0, 95))
def test_points_there_and_back_are_where_they_were(
    matrix: NDArray[np.float64], x: float, y: float
) -> None:
    points = np.array([[[x, y], [np.nan, np.nan]]], np.float32)
    back = from_frame(to_frame(points, matrix[None]), matrix[None])
    assert np.abs(back[0, 0] - points[0, 0]).max() < 0.02
    assert np.isnan(back[0, 1]).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(matrix=SIMILARITY, x=st.floats(35, 60), y=st.floats(35, 60))
def test_a_straightened_blob_is_where_its_point_is_and_comes_back(
    matrix: NDArray[np.float64], x: float, y: float
) -> None:
    shown = straightened(blob(x, y)[None], matrix[None])
    (at,) = to_frame(np.array([[[x, y]]]), matrix[None])[0]
    if at.min() > 16 and at.max() < 79:
        found = centre_of_mass(shown[0])
        assert np.abs(found - at).max() < 0.1
        back = from_frame(found[None, None], matrix[None])[0, 0]
        assert np.abs(back - (x, y)).max() < 0.15


def test_the_frame_of_the_picture_itself_changes_nothing() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 96, 96)).astype(np.uint8)
    assert np.array_equal(straightened(images, np.tile(np.eye(2, 3), (2, 1, 1))), images)


def test_an_empty_policy_gives_the_straightened_faces() -> None:
    points = np.random.default_rng(1).uniform(0, 95, (15, 2))
    points[3] = np.nan
    faces = faces_with(blob(40, 50), points)
    frames = np.stack([TURNED] * 3)
    copies = rendered(faces, Policy(), 0, None, None, frames)
    images, moved = copies[7]
    assert np.array_equal(images, straightened(faces.images, frames))
    shown = to_frame(faces.points, frames)
    outside = ((shown < 0) | (shown > 95)).any(axis=2)
    assert outside.any()
    np.testing.assert_allclose(moved[~outside], shown[~outside], atol=1e-4)
    assert np.isnan(moved[outside]).all()


@pytest.mark.parametrize("name", ["rotation", "scale", "elastic", "perspective"])
def test_a_policy_acts_on_what_the_frame_shows_in_the_same_sampling(name: str) -> None:
    point = np.full((15, 2), np.nan)
    point[10] = 44, 51
    faces = faces_with(blob(44, 51), point, 30)
    frames = np.stack([TURNED] * 30)
    policy = Policy((Step(name, 1.0, 0.5),))
    images, moved = rendered(faces, policy, 0, 1, None, frames)[0]
    found = np.array([centre_of_mass(image) for image in images])
    assert np.abs(found - moved[:, 10]).max() < 0.35
    # Drawn alike on a face that stands there already, the point ends at the same place.
    there = faces_with(images[0], to_frame(point[None], frames[:1])[0], 30)
    np.testing.assert_allclose(
        rendered(there, policy, 0, 1, None)[0][1][:, 10], moved[:, 10], atol=0.02
    )


def test_a_mirror_flips_what_the_frame_shows() -> None:
    points = np.random.default_rng(1).uniform(30, 65, (15, 2))
    faces, frames = faces_with(blob(40, 50), points), np.stack([TURNED] * 3)
    policy = Policy((Step("mirror", 1.0),))
    images, _ = rendered(faces, policy, 0, 1, None, frames)[0]
    flipped = straightened(faces.images, frames)[:, :, ::-1].astype(int)
    assert np.abs(images - flipped).max() <= 2


def test_other_frames_are_another_rendering(tmp_path) -> None:  # type: ignore[no-untyped-def]
    faces = faces_with(blob(40, 50), np.full((15, 2), 48.0))
    policy = Policy((Step("rotation", 1.0, 0.5),))
    plain = rendered(faces, policy, 0, 1, tmp_path)[0]
    shown = rendered(faces, policy, 0, 1, tmp_path, np.stack([TURNED] * 3))[0]
    again = rendered(faces, policy, 0, 1, tmp_path, np.stack([TURNED] * 3))[0]
    assert not np.array_equal(plain[0], shown[0])
    assert np.array_equal(shown[0], again[0])
    assert len(list(tmp_path.glob("*.json"))) == 2
