"""A photo in Python: points by name, a table, and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from faces_for_tests import MEAN_FACE
from numpy.typing import NDArray
from skimage import data

from fkd_core.errors import UserError
from fkd_core.keypoints import KEYPOINTS
from fkd_core.photos.detector import SURE
from fkd_core.photos.photo import Photo, photo
from fkd_core.sources import SOURCES

RGB = cv2.resize(data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA)


def mean_face(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.repeat(MEAN_FACE[None], len(crops), axis=0)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "me.png"
    assert cv2.imwrite(str(path), RGB[..., ::-1])
    return path


@pytest.fixture(scope="module")
def shown(file: Path) -> Photo:
    return photo(str(file), mean_face, SOURCES["complete"])


def test_a_faces_points_are_known_by_name(shown: Photo) -> None:
    (face,) = shown
    assert face["left_eye_center"] == pytest.approx((120.8, 50.3), abs=5)
    assert face["right_eye_center"] == pytest.approx((101.3, 50.3), abs=5)
    assert list(face.points) == list(KEYPOINTS)
    assert face.points["nose_tip"] == face["nose_tip"]
    assert face.score is not None
    assert face.score > SURE
    with pytest.raises(KeyError, match="'left_ear' is no keypoint here; there are left_eye_"):
        face["left_ear"]


def test_all_points_are_one_table(shown: Photo) -> None:
    table = shown.points
    assert table.columns.tolist() == ["face", "keypoint", "x", "y"]
    assert table["keypoint"].tolist() == list(KEYPOINTS)
    assert table["face"].unique().tolist() == [1]
    assert (
        tuple(table.loc[table["keypoint"] == "nose_tip", ["x", "y"]].iloc[0])
        == (shown[0]["nose_tip"])
    )


@pytest.mark.parametrize("name", ["out.png", "out.JPG"])
def test_the_drawn_photo_is_saved_in_its_colours(shown: Photo, name: str, tmp_path: Path) -> None:
    path = shown.save(str(tmp_path / "new" / name))
    written = cv2.imread(str(path))[..., ::-1]
    assert written.shape == shown.drawn.shape
    assert np.abs(written.astype(int) - shown.drawn).mean() < 4
    plain = cv2.resize(RGB, written.shape[1::-1])
    assert 0 < (np.abs(written.astype(int) - plain).max(axis=2) > 60).mean() < 0.2
    with pytest.raises(UserError, match=r"name it \.png or \.jpg"):
        shown.save(tmp_path / "out.txt")


def test_pixels_do_as_well_as_a_file(shown: Photo) -> None:
    again = photo(RGB, mean_face, SOURCES["complete"])
    assert again[0].points == shown[0].points
    assert repr(again) == "<photo of 256 x 256 px, 1 face in the style of complete>"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (RGB / 255, r"not float64 \[256, 256, 3\]"),
        (np.zeros((9, 9, 4), np.uint8), r"not uint8 \[9, 9, 4\]; leave .*\[\.\.\., :3\]"),
        (np.zeros(9, np.uint8), r"not uint8 \[9\]"),
        (np.zeros((0, 9), np.uint8), "at least one pixel"),
        (b"\x89PNG", "an image file's path, or pixels as uint8 .*, not bytes"),
        (None, "not NoneType"),
    ],
)
def test_what_is_neither_pixels_nor_a_file_is_told_what_is(given: Any, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        photo(given, mean_face, SOURCES["complete"])


@pytest.mark.parametrize("sure", [75, "high"])
def test_how_sure_is_between_0_and_1(sure: Any) -> None:
    with pytest.raises(UserError, match=f"sure: {sure!r} is no number between 0 and 1"):
        photo(RGB, mean_face, SOURCES["complete"], sure=sure)


def test_what_is_no_photo_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.jpg cannot be opened"):
        photo(tmp_path / "none.jpg", mean_face, SOURCES["complete"])
    (tmp_path / "words.jpg").write_text("words")
    with pytest.raises(UserError, match="no image file"):
        photo(str(tmp_path / "words.jpg"), mean_face, SOURCES["complete"])


def test_no_face_is_an_empty_sequence() -> None:
    nothing = photo(np.full((120, 120), 90, np.uint8), mean_face, SOURCES["complete"])
    assert len(nothing) == 0
    assert nothing.points.empty
    assert nothing.drawn.shape == (800, 800, 3)
