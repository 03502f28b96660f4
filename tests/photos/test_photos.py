"""Faces in photos: the geometry of the crops, files of every kind, and the real detector."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from faces_for_tests import MEAN_FACE
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import data

from fkd_core.photos import detector
from fkd_core.photos.detector import SURE, Gray, find
from fkd_core.photos.faces import Face, aligned, marked, spotted
from fkd_core.photos.frames import Frame
from fkd_core.photos.overlay import drawn
from fkd_core.sources import SOURCES, Source

Image = NDArray[np.uint8]

ASTRONAUT: Image = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY)
"""[512, 512] one face, upright."""
EYES = np.array([(242.0, 101.0), (203.0, 101.0)])
"""Her left and right eye, as read from the picture."""
SMALL: Image = cv2.resize(ASTRONAUT, (256, 256), interpolation=cv2.INTER_AREA)
SMALL_EYES = (EYES + 0.5) / 2 - 0.5

frames = st.builds(
    Frame,
    st.floats(-100, 9000),
    st.floats(-100, 9000),
    st.floats(0.02, 90),
    st.floats(-180, 180),
    st.integers(1, 800),
    st.integers(1, 800),
)


def mean_face(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A predictor that says the same of every face."""
    return np.repeat(MEAN_FACE[None], len(crops), axis=0)


@settings(derandomize=True, deadline=None)
@given(frames, st.lists(st.tuples(st.floats(0, 96), st.floats(0, 96)), min_size=1))
def test_points_go_to_the_photo_and_back(frame: Frame, points: list[tuple[float, float]]) -> None:
    np.testing.assert_allclose(frame.of_photo(frame.to_photo(points)), points, atol=1e-3)


@settings(derandomize=True, deadline=None)
@given(frames, frames, st.tuples(st.floats(0, 96), st.floats(0, 96)))
def test_a_frame_of_a_frame_is_a_frame_of_the_photo(
    inner: Frame, outer: Frame, point: tuple[float, float]
) -> None:
    twice = outer.to_photo(inner.to_photo(point))
    np.testing.assert_allclose(inner.seen_from(outer).to_photo(point), twice, rtol=1e-9, atol=1e-3)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    st.integers(120, 500),
    st.integers(120, 500),
    st.floats(0.4, 3),
    st.floats(-180, 180),
    st.tuples(st.floats(0.3, 0.7), st.floats(0.3, 0.7)),
)
def test_a_blob_is_sampled_where_the_geometry_says(
    wide: int, tall: int, step: float, roll: float, at: tuple[float, float]
) -> None:
    spot = np.array(at) * (wide, tall)
    y, x = np.mgrid[:tall, :wide]
    sigma = 5 * step
    blob = 250 * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * sigma**2))
    frame = Frame(spot[0] + 4 * step, spot[1] - 7 * step, step, roll)
    seen = frame.sample(blob.astype(np.float32))
    inside = frame.of_photo(spot)
    near = np.hypot(*(np.indices(seen.shape)[::-1] - inside[:, None, None])) < 6
    peak = (np.indices(seen.shape)[::-1] * seen * near).sum((1, 2)) / (seen * near).sum()
    border = min(*spot, wide - 1 - spot[0], tall - 1 - spot[1])
    if border > 7 * step:
        np.testing.assert_allclose(peak, inside, atol=0.15)


def test_a_crop_that_is_not_turned_or_scaled_is_the_photos_own_pixels() -> None:
    crop = Frame(100 + 47.5, 200 + 47.5, 1.0).sample(ASTRONAUT)
    np.testing.assert_array_equal(crop, ASTRONAUT[200:296, 100:196])


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_a_shrunk_crop_is_the_mean_over_areas(factor: int) -> None:
    middle = (96 * factor - 1) / 2
    crop = Frame(20 + middle, 10 + middle, factor).sample(ASTRONAUT)
    part = ASTRONAUT[10 : 10 + 96 * factor, 20 : 20 + 96 * factor]
    expected = part.reshape(96, factor, 96, factor).mean((1, 3))
    np.testing.assert_allclose(crop, expected, atol=0.51)


def test_beyond_the_border_the_edge_repeats() -> None:
    photo = np.arange(100, dtype=np.uint8)[None].repeat(100, 0)
    crop = Frame(0, 50, 1.0).sample(photo)
    assert (crop[:, :47] == 0).all()
    far = Frame(-5000, 50, 1.0).sample(photo)
    assert (far == 0).all()


def near_the_astronaut(frame: Frame, scale: float = 1.0) -> bool:
    """Whether the frame's eyes lie within 6 pixels of hers on the 96 grid."""
    off = frame.of_photo((EYES + 0.5) * scale - 0.5) - MEAN_FACE[:2]
    return bool(np.abs(off).max() < 6)


@pytest.mark.parametrize("side", [100, 200, 512, 3000])
def test_a_face_is_found_whatever_the_photos_size(side: int) -> None:
    how = cv2.INTER_AREA if side < 512 else cv2.INTER_CUBIC
    [(frame, score)] = find(cv2.resize(ASTRONAUT, (side, side), interpolation=how))
    assert near_the_astronaut(frame, side / 512)
    assert SURE <= score <= 1


@pytest.mark.parametrize("turn", range(-180, 180, 45))
def test_a_turned_face_is_found_with_its_turn(turn: float) -> None:
    lean = Frame(127.5, 127.5, 1.4, turn, 256, 256)
    [(frame, _)] = find(lean.sample(SMALL))
    eyes = frame.of_photo(lean.of_photo(SMALL_EYES))
    np.testing.assert_allclose(eyes, MEAN_FACE[:2], atol=6)
    assert math.cos(math.radians(frame.roll + turn)) > 0.97


def test_a_lower_limit_finds_what_a_higher_one_does_and_more() -> None:
    random = np.random.default_rng(0)
    texture = cv2.GaussianBlur(random.integers(0, 256, (400, 300), np.uint8), (0, 0), 3)
    photo = cv2.convertScaleAbs(texture, alpha=4, beta=-380)
    photo[150:300, 100:250] = cv2.rotate(ASTRONAUT[30:180, 150:300], cv2.ROTATE_90_CLOCKWISE)
    few, usual, many = (find(photo, sure) for sure in (0.99, SURE, 0.05))
    assert few == []
    [(frame, score)] = usual
    assert len(many) > 1
    assert max(score for _, score in many) == score
    assert any(frame == other for other, _ in many)


@pytest.mark.parametrize(("off", "faces"), [(0.0, 1), (12.0, 0)])
def test_what_is_placed_elsewhere_at_every_look_is_no_face(
    off: float, faces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, random = detector.near(), np.random.default_rng(0)

    def look(picture: Gray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        scores, points = net.look(picture)
        return scores, points + random.normal(0, off, (1, 1, 2)).astype(np.float32)

    monkeypatch.setattr(detector, "near", lambda: SimpleNamespace(side=net.side, look=look))
    assert len(find(SMALL)) == faces


def test_every_face_is_found_the_largest_first() -> None:
    small = cv2.copyMakeBorder(ASTRONAUT[:300, 50:350], 0, 212, 0, 0, cv2.BORDER_REPLICATE)
    large = cv2.resize(ASTRONAUT[:300, 50:350], (512, 512), interpolation=cv2.INTER_CUBIC)
    [(first, _), (second, _)] = find(np.hstack([small, large]))
    assert first.x > 300 > second.x
    assert first.side / second.side == pytest.approx(512 / 300, rel=0.1)


@pytest.mark.parametrize("shape", [(300, 400), (60, 60), (20, 500), (1, 1), (30, 4000)])
def test_noise_has_no_face(shape: tuple[int, int]) -> None:
    assert find(np.random.default_rng(0).integers(0, 256, shape, np.uint8)) == []


def test_the_same_photo_gives_the_same_faces() -> None:
    assert find(ASTRONAUT) == find(ASTRONAUT)


@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
@pytest.mark.parametrize("roll", [0.0, 20.0])
def test_the_second_crop_brings_the_eyes_to_their_mean_place(source: Source, roll: float) -> None:
    loose = Frame(300, 200, 2.0, 5.0)
    shown = Frame(52, 40, 0.8, roll)  # where the face lies in the loose crop
    face = MEAN_FACE[list(source.keypoints)]
    face[-1, 1] = {"complete": 82.4, "partial": 77.3}[source.name]  # their annotators differ
    told = shown.to_photo(face).astype(np.float32)
    tight = aligned(loose, told, source)
    assert tight.roll == pytest.approx(5 + roll, abs=0.5)
    assert tight.step == pytest.approx(2 * 0.8, rel=0.02)
    np.testing.assert_allclose(tight.of_photo(loose.to_photo(told))[:2], face[:2], atol=1.5)


@pytest.mark.parametrize(
    "told",
    [
        MEAN_FACE * 0.2 + 38,
        MEAN_FACE * 3 - 90,
        MEAN_FACE + 90,
        MEAN_FACE * 0,
        MEAN_FACE * np.float32(np.nan),
    ],
    ids=["tiny", "huge", "elsewhere", "one point", "no number"],
)
def test_a_prediction_that_cannot_be_leaves_the_first_crop(told: NDArray[np.float32]) -> None:
    first = Frame(300, 200, 2.0)
    assert aligned(first, told, SOURCES["complete"]) == first


def test_all_photos_take_two_calls_and_points_come_in_photo_pixels() -> None:
    calls: list[int] = []

    def counted(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert crops.dtype == np.uint8
        assert crops.shape[1:] == (96, 96)
        calls.append(len(crops))
        return mean_face(crops)

    blank = np.full((60, 60), 128, np.uint8)
    photos = [ASTRONAUT, blank, np.hstack([ASTRONAUT, ASTRONAUT])]
    one, none, two = marked(photos, [*map(spotted, photos)], counted, SOURCES["complete"])
    assert (len(one), len(none), len(two)) == (1, 0, 2)
    assert calls == [3, 3]
    np.testing.assert_allclose(one[0].points[:2], EYES, atol=8)
    np.testing.assert_allclose(one[0].points, one[0].frame.to_photo(MEAN_FACE))


def test_a_picture_of_the_training_size_is_a_face_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (96, 96), np.uint8)
    shown: list[NDArray[np.uint8]] = []

    def keeping(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        shown.append(crops)
        return mean_face(crops)

    [[face]] = marked([picture], [spotted(picture)], keeping, SOURCES["complete"])
    assert face.score is None
    assert all((crops[0] == picture).all() for crops in shown)
    np.testing.assert_allclose(face.points, MEAN_FACE)


def test_no_face_asks_no_predictor() -> None:
    def never(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise AssertionError("asked")

    blank = np.zeros((50, 50), np.uint8)
    assert marked([blank], [spotted(blank)], never, SOURCES["complete"]) == [[]]


@pytest.mark.parametrize("side", [30, 300, 2500])
@pytest.mark.parametrize("name", list(SOURCES))
def test_the_picture_shows_each_part_in_its_colour(side: int, name: str) -> None:
    source = SOURCES[name]
    middle = (side - 1) / 2
    frame = Frame(middle, middle, side / 96 / 1.5)
    face = Face(frame, 0.9, frame.to_photo(MEAN_FACE[list(source.keypoints)]))
    picture = drawn(np.full((side, side, 3), 128, np.uint8), [face, face], source)
    assert 800 <= max(picture.shape) <= 1600
    step = side / len(picture)
    colours = set()
    for x, y in np.round((face.points + 0.5) / step - 0.5).astype(int):
        colours.add(tuple(int(value) for value in picture[y, x]))
    assert len(colours) == (4 if name == "complete" else 3)
    assert (128, 128, 128) not in colours


DETECTED_FIRST = """
import numpy as np
from fkd_core.ensemble.trained import here
from fkd_core.fitting.predict import model_of
from fkd_core.fitting.spec import FitSpec
from fkd_core.models.lenet5 import LeNet5
from fkd_core.photos.detector import find

assert find(np.zeros((200, 200), np.uint8)) == []
spec = here(FitSpec(LeNet5.tiny(), backend="jax", threads=2))
try:
    model_of(spec, [])
except ValueError as wrong:
    print(spec.backend, spec.threads, "built, and then:", wrong)
"""


def test_what_was_trained_runs_where_a_photo_was_searched_before() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("KERAS", "TF", "OMP"))}
    done = subprocess.run(
        [sys.executable, "-c", DETECTED_FIRST],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("tensorflow 1 built, and then: these are not the weights")
    assert done.stderr == ""
