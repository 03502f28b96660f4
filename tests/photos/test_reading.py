"""Photos of every format, orientation and name, as they lie in folders."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from fkd_core.errors import UserError
from fkd_core.photos.kinds import FILM, PICTURE, kind_of
from fkd_core.photos.reading import frames_of, listed, read_photo
from fkd_core.photos.records import picture_stems

Image = NDArray[np.uint8]


def written(path: Path, pixels: NDArray[Any]) -> Path:
    """The pixels as an image file."""
    assert cv2.imwrite(str(path), pixels)
    return path


COLOURS = np.zeros((40, 60, 3), np.uint8)
COLOURS[:, :30] = (255, 0, 0)
COLOURS[:20, 30:] = (40, 80, 160)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (COLOURS, COLOURS),
        (COLOURS[..., 2], COLOURS[..., 2:].repeat(3, 2)),
        (COLOURS.astype(np.uint16) * 257, COLOURS),
        (COLOURS.astype(np.uint16) * 16, COLOURS),
        (np.dstack([COLOURS, np.full((40, 60), 255, np.uint8)]), COLOURS),
        (np.dstack([COLOURS, np.zeros((40, 60), np.uint8)]), np.full_like(COLOURS, 255)),
    ],
    ids=["colour", "gray", "16 bit", "12 of 16 bit", "opaque", "transparent"],
)
def test_every_depth_and_kind_of_pixel_is_read(
    pixels: NDArray[Any], expected: Image, tmp_path: Path
) -> None:
    photo = read_photo(written(tmp_path / "ü [x].png", pixels))
    assert photo.dtype == np.uint8
    np.testing.assert_allclose(photo, expected, atol=1)


def test_a_float_image_with_holes_is_read(tmp_path: Path) -> None:
    pixels = COLOURS.astype(np.float32) / 10
    pixels[0, 0] = np.nan
    photo = read_photo(written(tmp_path / "a.tiff", pixels))
    np.testing.assert_allclose(photo[1:], COLOURS[1:], atol=1)


def test_a_film_gives_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 48))
    for level in (200, 50):
        film.write(np.full((48, 64, 3), level, np.uint8))
    film.release()
    photo = read_photo(path)
    assert photo.shape == (48, 64, 3)
    assert abs(float(photo.mean()) - 200) < 5


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.png", b""),
        ("text.jpg", b"no picture at all"),
        ("cut.png", cv2.imencode(".png", COLOURS)[1].tobytes()[:40]),
        ("film.mp4", b"\x00\x00\x00\x18ftypmp42 and nothing more"),
    ],
)
def test_what_is_no_image_is_named(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=name):
        read_photo(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty; get it again"),
        (b"hello", "is no image file"),
        (cv2.imencode(".jpg", COLOURS)[1].tobytes()[:300], "is an image file that is damaged"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "is HEIC, a format of some phones; save it as JPEG or"),
        (b"%PDF-1.7", "is a PDF; save it as JPEG or PNG"),
        (b"\0\0\0\x18ftypmp42", "is a film"),
    ],
)
@pytest.mark.parametrize("name", ["a.jpg", "-", "pipe"])
def test_a_file_that_is_named_is_told_for_what_it_is(
    name: str, content: bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(name) if name == "-" else tmp_path / name
    if name == "a.jpg":
        path.write_bytes(content)
    if name == "-":
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    with filled(path, content) if name == "pipe" else contextlib.nullcontext():  # noqa: SIM117
        with pytest.raises(UserError, match=words):
            read_photo(path)


@contextlib.contextmanager
def filled(path: Path, content: bytes) -> Iterator[None]:
    """A pipe of this name, into which somebody writes."""
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[content])
    writer.start()
    yield
    writer.join()


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such pipes")
def test_a_pipe_is_read_once_and_none_in_a_folder(tmp_path: Path) -> None:
    with filled(tmp_path / "pipe.png", encoded("png")):
        assert np.array_equal(read_photo(tmp_path / "pipe.png"), COLOURS)
    (tmp_path / "a.png").touch()
    found = listed((tmp_path,), tmp_path / "out")
    assert found.files == (tmp_path / "a.png",)
    assert found.left_out == (f"{tmp_path / 'pipe.png'} is no file; left out",)


Y, X = np.mgrid[:48, :80]
SCENE = np.stack([X * 3, Y * 5, (X + Y) * 2], axis=-1).astype(np.uint8)
SCENE[:20, :30] = 200, 30, 60
STORED = {
    1: None,
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_90,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_270,
}
"""EXIF's orientations: how a camera that is held so stores what it sees."""
FORMATS = {
    "jpeg": ("RGB", "L"),
    "png": ("RGB", "L", "RGBA", "LA"),
    "webp": ("RGB", "RGBA"),
    "tiff": ("RGB", "L", "RGBA"),
    "avif": ("RGB", "L", "RGBA"),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(("kind", "mode"), [(k, m) for k, modes in FORMATS.items() for m in modes])
def test_every_format_is_turned_upright(
    kind: str, mode: str, orientation: int, tmp_path: Path
) -> None:
    upright = Pillow.fromarray(SCENE).convert(mode)
    if "A" in mode:
        opaque = np.full(SCENE.shape[:2], 255, np.uint8)
        opaque[-10:, -10:] = 0
        upright.putalpha(Pillow.fromarray(opaque))
    how = STORED[orientation]
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo.{kind}"
    lossless = {"lossless": True} if kind == "webp" else {}
    stored = upright if how is None else upright.transpose(how)
    stored.save(path, kind, exif=exif, quality=95, **lossless)
    expected = np.asarray(Pillow.fromarray(SCENE).convert(mode[0] if mode[0] == "L" else "RGB"))
    expected = np.asarray(Pillow.fromarray(expected).convert("RGB")).copy()
    if "A" in mode:
        expected[-10:, -10:] = 255
    photo = read_photo(path)[..., ::-1]
    assert photo.shape == expected.shape
    assert np.abs(photo.astype(int) - expected).mean() < 3


def film(path: Path, frames: int) -> Path:
    """A film that gets darker by 20 levels a frame."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 48))
    for frame in range(frames):
        writer.write(np.full((48, 64, 3), 220 - 20 * frame, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize(("every", "expected"), [(None, [0]), (1, [0, 1, 2, 3, 4]), (3, [0, 3])])
def test_a_film_gives_every_so_many_frames(
    every: int | None, expected: list[int], tmp_path: Path
) -> None:
    found = [*frames_of(film(tmp_path / "film.avi", 5), every)]
    assert [number for number, _ in found] == expected
    for number, photo in found:
        assert number is not None
        assert abs(float(photo.mean()) - (220 - 20 * number)) < 5


def test_a_film_is_read_frame_by_frame_and_never_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "film.avi", 2)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} is read whole"))
    assert len([*frames_of(path, 1)]) == 2
    with pytest.raises(FileNotFoundError):
        next(frames_of(tmp_path / "gone.mp4"))


def encoded(kind: str) -> bytes:
    return cv2.imencode(f".{kind}", COLOURS)[1].tobytes()


def test_folders_give_every_picture_whatever_it_is_called(tmp_path: Path) -> None:
    good = {
        "a.jpg": encoded("jpg"),
        "b.JFIF": encoded("jpg"),
        "deep/in/no ending": encoded("png"),
        "wrong.txt": encoded("webp"),
        "damaged.png": b"",
    }
    bad = {
        "phone.HEIC": b"\0\0\0\x18ftypheic\0\0\0\0",
        "camera.NEF": b"MM\0*\0\0\0\x08",
        "notes.txt": b"text",
        "faces.csv": b"a,b",
        ".hidden.jpg": encoded("jpg"),
        ".git/x.jpg": encoded("jpg"),
        ".DS_Store": b"Bud1",
        "out/a-keypoints.png": encoded("png"),
    }
    for name, content in (good | bad).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    found = listed((tmp_path, tmp_path / "a.jpg"), tmp_path / "out")
    assert {file.relative_to(tmp_path).as_posix() for file in found.files} == set(good)
    said = "\n".join(found.left_out)
    assert len(found.left_out) == 4
    assert "left out hidden pictures and films: 2 (x.jpg, .hidden.jpg)" in said
    assert "phone.HEIC is HEIC" in said
    assert "camera.NEF is a camera's raw file" in said
    assert "left out what is no picture: 2 (faces.csv, notes.txt)" in said


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_in_a_folder_that_lead_nowhere_or_to_folders_are_named(tmp_path: Path) -> None:
    folder, other = tmp_path / "in", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (other / "a.png").write_bytes(encoded("png"))
    for name, target in {"b.png": "gone.png", "c.png": "c.png", "d": other}.items():
        (folder / name).symlink_to(target)
    (folder / "e.png").symlink_to(other / "a.png")
    found = listed((folder,), tmp_path / "out")
    assert found.files == (folder / "e.png",)
    assert found.left_out == (
        f"{folder / 'b.png'} is a link to nothing; left out",
        f"{folder / 'c.png'} is a link to nothing; left out",
        f"{folder / 'd'} is a link to a folder; left out, name that folder, too",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="names have no such letters there")
def test_a_line_break_in_a_name_breaks_no_line(tmp_path: Path) -> None:
    (tmp_path / "a\nb\x1b.png").write_bytes(b"no picture")
    (tmp_path / "c\nd.txt").touch()
    (tmp_path / "e\rf.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    found = listed((tmp_path,), tmp_path / "out")
    assert found.left_out == (
        f"{tmp_path}/e\\rf.heic is HEIC, a format of some phones; left out, save it as JPEG or "
        "PNG",
        f"{tmp_path}: left out what is no picture: 1 (c\\nd.txt)",
    )
    with pytest.raises(UserError, match=r"/a\\nb\\x1b\.png is no image file"):
        read_photo(found.files[0])


def test_what_decoders_print_of_damage_is_not_heard(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (90, 90, 3)).astype(np.uint8)
    whole = cv2.imencode(".png", noise)[1].tobytes()
    wrong = bytearray(whole)
    wrong[300] ^= 255
    cv2.imdecode(np.frombuffer(bytes(wrong), np.uint8), cv2.IMREAD_UNCHANGED)
    assert "libpng" in capfd.readouterr().err
    path = tmp_path / "damaged.png"
    path.write_bytes(bytes(wrong))
    with contextlib.suppress(UserError):
        read_photo(path)
    path = tmp_path / "film.mp4"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42 and nothing more")
    with pytest.raises(UserError, match="film"):
        read_photo(path)
    assert capfd.readouterr().err == ""


def test_a_named_file_is_taken_and_a_folder_without_any_is_an_error(
    tmp_path: Path,
) -> None:
    (tmp_path / "notes.txt").touch()
    assert listed((tmp_path / "notes.txt",), tmp_path).files == (tmp_path / "notes.txt",)
    with pytest.raises(UserError, match=r"no image file in .*notes\.txt"):
        listed((tmp_path,), tmp_path / "out")


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"\xff\xd8\xff\xe0", PICTURE),
        (b"\0\0\0\x1cftypavif", PICTURE),
        (b"\0\0\0\x1cftypisom", FILM),
        (b"\0\0\0\x1cftypmif1", "HEIC, a format of some phones"),
        (b"P6\n3 2", PICTURE),
        (b"%PDF-1.7", "a PDF"),
        (b"plain text", None),
        (b"", None),
    ],
)
def test_kinds_are_told_by_how_a_file_begins(
    beginning: bytes, kind: str | None, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(beginning)
    assert kind_of(tmp_path / "file") == kind


@pytest.mark.parametrize("letter", ["x", "中", "\udcff"])
def test_a_name_of_any_length_leaves_room_for_its_pictures(letter: str) -> None:
    long = letter * (250 // len(os.fsencode(letter)))
    stems = [*picture_stems([Path(f"{folder}/{long}.png") for folder in "ab"]).values()]
    assert len({*stems}) == 2
    for stem in stems:
        assert 190 < len(os.fsencode(stem)) < 210
        assert stem.startswith(letter * 60)


def test_equal_names_get_pictures_of_their_own() -> None:
    files = [Path(name) for name in ("a/x.jpg", "b/x.png", "b/X.png", "x-2.jpg")]
    names = list(picture_stems(files).values())
    assert names[:2] == ["x", "x-2"]
    assert len({name.casefold() for name in names}) == 4
