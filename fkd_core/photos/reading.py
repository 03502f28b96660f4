"""Photos as people have them: found in folders, read in any format, and turned upright."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fkd_core.errors import UserError, one_line
from fkd_core.fitting.runtime import silence
from fkd_core.photos.kinds import FILM, PICTURE, kind_in, kind_of

Colour = NDArray[np.uint8]
"""[height, width, 3] blue, green, red."""
Gray = NDArray[np.uint8]

STANDARD_INPUT = Path("-")
_LONGEST = 32_000  # pixels a side; OpenCV's geometry ends at 32767
_ORIENTATION = 0x0112  # of EXIF

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong is said once
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET, read with the first film


@dataclass(frozen=True)
class Listing:
    """What the paths that somebody named hold."""

    files: tuple[Path, ...]
    """Pictures and films, each once."""
    left_out: tuple[str, ...]
    """Sentences about what lies in the folders and cannot be read."""


def listed(paths: tuple[Path, ...], besides: Path) -> Listing:
    """The files named, and the pictures and films in the folders named and in theirs.

    Files in folders are told by how they begin, whatever they are called. What lies in the folder
    `besides`, or is hidden by a name that begins with a dot, is left out. Raises UserError where
    nothing is left.
    """
    besides = besides.resolve()
    files: dict[Path, Path] = {}
    left_out: list[str] = []
    for path in paths:
        if not path.is_dir():
            files.setdefault(path if path == STANDARD_INPUT else path.resolve(), path)
            continue
        others: list[Path] = []
        hidden: list[Path] = []
        for file in sorted(path.rglob("*")):
            if file.parent.resolve().is_relative_to(besides):
                continue
            if any(part.startswith(".") for part in file.relative_to(path).parts):
                if file.is_file() and kind_of(file) in (PICTURE, FILM):
                    hidden.append(file)
                continue
            if why := _astray(file):
                left_out.append(f"{shown(file)} {why}")
                continue
            if not file.is_file() or file.resolve().is_relative_to(besides):
                continue
            kind = kind_of(file)
            if kind in (PICTURE, FILM):
                files.setdefault(file.resolve(), file)
            elif kind:
                left_out.append(f"{shown(file)} is {kind}; left out, save it as JPEG or PNG")
            else:
                others.append(file)
        if others:
            left_out.append(f"{shown(path)}: left out what is no picture: {_some(others)}")
        if hidden:
            left_out.append(f"{shown(path)}: left out hidden pictures and films: {_some(hidden)}")
    if not files:
        said = "; ".join(left_out[:2])
        raise UserError(
            f"no image file in {', '.join(map(shown, paths))}; name another folder"
            + (f" ({said})" if said else "")
        )
    return Listing(tuple(files.values()), tuple(left_out))


def _some(files: list[Path]) -> str:
    """How many, and the first of them."""
    first = ", ".join(one_line(file.name) for file in files[:3])
    return f"{len(files)} ({first}{', ...' if len(files) > 3 else ''})"


def _astray(path: Path) -> str | None:
    """What is said of a link or folder of which nothing can be read; None for all others."""
    if path.is_symlink() and not path.exists():
        return "is a link to nothing; left out"
    if path.is_symlink() and path.is_dir():
        return "is a link to a folder; left out, name that folder, too"
    if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
        return "is a folder that may not be read; left out"
    if not path.is_dir() and not path.is_file():
        return "is no file; left out"
    return None


def frames_of(path: Path, every: int | None = None) -> Iterator[tuple[int | None, Colour]]:
    """(number, pixels) of what a file shows: an image file has one frame, without a number, and of
    a film every so many frames are given, from 0; with None, its first.

    Raises UserError for what is neither, and OSError where it cannot be opened.
    """
    if path == STANDARD_INPUT or path.is_fifo():  # a pipe is read once
        content = sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
        kind = kind_in(content)
    elif (kind := kind_of(path)) == FILM:
        yield from _film(path, every)
        return
    else:
        content = path.read_bytes()
    if kind not in (PICTURE, None):
        cure = "give it as a file" if kind == FILM else "save it as JPEG or PNG"
        raise UserError(f"{shown(path)} is {kind}; {cure}")
    pixels = _decoded(path, content)
    if pixels is None:
        raise UserError(f"{shown(path)} {_why_not(content)}")
    yield None, pixels


def _why_not(content: bytes) -> str:
    """What is said of a file with this content that cannot be decoded."""
    if not content:
        return "is empty; get it again"
    if kind_in(content) == PICTURE:
        return "is an image file that is damaged or packed unusually; save it as JPEG or PNG"
    return "is no image file that can be read, or is damaged"


def read_photo(path: Path) -> Colour:
    """An image file of any depth, upright, or the first frame of a film.

    What is transparent becomes white; more than 8 bits a channel are scaled by the brightest.
    Raises UserError for what is neither, and OSError where it cannot be opened.
    """
    return next(pixels for _, pixels in frames_of(path))


def gray(photo: Colour) -> Gray:
    """[height, width] of a colour photo."""
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), np.uint8)


def _film(path: Path, every: int | None) -> Iterator[tuple[int, Colour]]:
    """Frame by frame: a film may be larger than this machine's memory."""
    open(path, "rb").close()  # raises where it cannot be opened, which OpenCV does not tell
    count = 0
    film = cv2.VideoCapture(str(path))
    try:
        while film.grab():
            if count % (every or 1) == 0:
                whole, frame = film.retrieve()
                if whole:
                    yield count, _bytes(path, np.asarray(frame))
            count += 1
            if every is None:
                break
    finally:
        film.release()
    if not count:
        raise UserError(f"{shown(path)} is a film that cannot be read, or is damaged")


def _decoded(path: Path, content: bytes) -> Colour | None:
    """The picture in a file, upright; None where it holds none."""
    if not content:
        return None
    try:
        with _quiet():
            pixels: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, MemoryError) as error:
        raise UserError(f"{shown(path)} cannot be decoded ({str(error).strip()[-80:]})") from error
    if pixels is None:
        return None
    return _bytes(path, _upright(_opaque(np.asarray(pixels)), _orientation(content)))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what libpng and its like print. In the main thread alone: standard error is the
    whole process's, and of two threads that turn it off and on again one may leave it off."""
    if threading.current_thread() is threading.main_thread():
        with silence():
            yield
    else:
        yield


def _orientation(content: bytes) -> int:
    """How the camera was held: EXIF's number, 1 to 8, which also stands for AVIF's own way to say
    it."""
    if content[:4] in (b"II*\0", b"MM\0*"):
        return 1  # OpenCV turns TIFF, and it alone
    Image.MAX_IMAGE_PIXELS = None  # only the header is read
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # whatever a damaged header makes of itself, the pixels were read
        return 1


def _opaque(pixels: NDArray[Any]) -> NDArray[Any]:
    """[height, width, 3] with what is transparent in white."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.shape[2] in (2, 4):
        full = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1.0
        opaque = pixels[..., -1:] / np.float32(full)
        blended = full + (pixels[..., :-1] - np.float32(full)) * opaque
        pixels = blended.astype(pixels.dtype)
    return pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The picture as it was seen, from one stored with this EXIF orientation."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _bytes(path: Path, pixels: NDArray[Any]) -> Colour:
    if max(pixels.shape) > _LONGEST:
        raise UserError(f"{shown(path)} is larger than {_LONGEST} pixels a side; shrink it")
    if pixels.dtype != np.uint8:
        bright = np.nan_to_num(pixels.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        pixels = np.clip(bright * (255 / max(float(bright.max()), 1e-9)) + 0.5, 0, 255)
    return np.ascontiguousarray(pixels, np.uint8)


def shown(path: Path) -> str:
    """What messages call a file."""
    return "standard input" if path == STANDARD_INPUT else one_line(str(path))
