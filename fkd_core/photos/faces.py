"""Photos: read as they come, and the keypoints of every face in them, in the photo's pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.errors import UserError
from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.photos.detector import Gray, find
from fkd_core.photos.frames import Frame
from fkd_core.sources import Source

Colour = NDArray[np.uint8]
"""[height, width, 3] blue, green, red."""
Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Images [n, 96, 96] to points [n, p, 2] in their pixels."""

FILMS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
PICTURES = (
    *(".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png"),
    *(".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)

_AT_ONCE = 300_000_000  # pixels of photos that wait for one call of the predictor
_LONGEST = 32_000  # pixels a side; OpenCV's geometry ends at 32767


@dataclass(frozen=True)
class Face:
    """One face of a photo."""

    frame: Frame
    """The square that was shown to the predictor."""
    score: int | None
    """Detector windows that agree on it, 60 to 500; None for a photo taken as a face."""
    points: NDArray[np.float64]
    """[p, 2] its keypoints, photo pixels."""


def photo_files(paths: Sequence[Path], besides: Path) -> list[Path]:
    """The files named, and the pictures and films in the folders named and in theirs, each once.

    What lies in the folder `besides` or is hidden is left out of folders. Raises UserError where
    nothing is left.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            usual = file.suffix.lower() in PICTURES + FILMS and not file.name.startswith(".")
            ours = file.resolve().is_relative_to(besides.resolve())
            if not path.is_dir() or (usual and not ours and file.is_file()):
                files.setdefault(file.resolve(), file)
    if not files:
        raise UserError(f"no image file in {', '.join(map(str, paths))}; name another folder")
    return list(files.values())


def read_photo(path: Path) -> Colour:
    """An image file of any depth, upright by its EXIF tag, or the first frame of a film.

    What is transparent becomes white; more than 8 bits a channel are scaled by the brightest.
    Raises UserError for what is neither, and OSError where it cannot be opened.
    """
    content = np.frombuffer(path.read_bytes(), np.uint8)
    pixels = None
    if len(content):
        cv2.utils.logging.setLogLevel(
            cv2.utils.logging.LOG_LEVEL_SILENT
        )  # what is wrong with a file is said once, below
        try:
            pixels = _decoded(content)
            if pixels is None and path.suffix.lower() in FILMS:
                pixels = cv2.VideoCapture(str(path)).read()[1]
        except (cv2.error, MemoryError) as error:
            raise UserError(f"{path} cannot be decoded ({str(error).strip()[-80:]})") from error
    if pixels is None:
        raise UserError(f"{path} is no image file that can be read, or is damaged")
    if max(pixels.shape) > _LONGEST:
        raise UserError(f"{path} is larger than {_LONGEST} pixels a side; shrink it")
    if pixels.dtype != np.uint8:
        bright = np.nan_to_num(pixels.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        pixels = np.clip(bright * (255 / max(float(bright.max()), 1e-9)) + 0.5, 0, 255)
    return np.ascontiguousarray(pixels, np.uint8)


def _decoded(content: NDArray[np.uint8]) -> NDArray[Any] | None:
    """[height, width, 3] of the file's depth, or None. Only the reading of four channels leaves
    the EXIF tag aside, and JPEG, which has the tag, has no fourth."""
    if bytes(content[:2]) != b"\xff\xd8":
        pixels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
        if pixels is not None and pixels.ndim == 3 and pixels.shape[2] == 4:
            full = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1.0
            opaque = pixels[..., 3:] / np.float32(full)
            blended = full + (pixels[..., :3] - np.float32(full)) * opaque
            return np.asarray(blended.astype(pixels.dtype))
    decoded = cv2.imdecode(content, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    return None if decoded is None else np.asarray(decoded)


def gray(photo: Colour) -> Gray:
    """[height, width] of a colour photo."""
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), np.uint8)


def read_batches(
    files: Sequence[Path], say: Callable[[str], object]
) -> Iterator[dict[Path, Gray]]:
    """Gray photos by file, as many at once as memory bears; `say` gets what is left out."""
    batch: dict[Path, Gray] = {}
    for file in files:
        try:
            batch[file] = gray(read_photo(file))
        except UserError as wrong:
            say(f"{wrong}; left out")
        except OSError as wrong:
            say(f"{file} cannot be opened ({wrong.strerror}); left out")
        if sum(photo.size for photo in batch.values()) >= _AT_ONCE:
            yield batch
            batch = {}
    if batch:
        yield batch


def faces_of(photos: Sequence[Gray], predict: Predict, source: Source) -> list[list[Face]]:
    """The faces of each gray photo, largest first, with the source's keypoints.

    A photo of exactly 96 x 96 pixels is one face as it is, like the training faces. Any other is
    searched; each face is predicted, cropped anew by its predicted eyes and mouth, and predicted
    again, so that what the predictor sees lies as its training faces do. The predictor is called
    twice, however many photos there are, for an ensemble's weights are read at every call.
    """
    middle = (IMAGE_SIZE - 1) / 2
    as_it_is = Frame(middle, middle, 1.0)
    found: list[tuple[int, Frame, int | None]] = []
    for number, photo in enumerate(photos):
        if photo.shape == (IMAGE_SIZE, IMAGE_SIZE):
            found.append((number, as_it_is, None))
        else:
            found.extend((number, frame, score) for frame, score in find(photo))
    faces: list[list[Face]] = [[] for _ in photos]
    if not found:
        return faces

    def predicted(frames: Sequence[Frame]) -> NDArray[np.float32]:
        crops = [f.sample(photos[n]) for (n, _, _), f in zip(found, frames, strict=True)]
        return predict(np.stack(crops))

    first = [frame for _, frame, _ in found]
    frames = [
        frame if score is None else aligned(frame, points, source)
        for (_, frame, score), points in zip(found, predicted(first), strict=True)
    ]
    for (number, _, score), frame, points in zip(found, frames, predicted(frames), strict=True):
        faces[number].append(Face(frame, score, frame.to_photo(points)))
    return faces


def aligned(frame: Frame, points: NDArray[np.float32], source: Source) -> Frame:
    """The frame in which the eyes and bottom lip of points [p, 2] lie at their mean places: see
    ``Source.places``.

    The least-squares similarity (Umeyama 1991; in the plane it is one complex number). Where the
    new frame is not sane (below half the old one's size, above twice, or moved by over half of
    it) the points are not to be trusted, and the old one stays.
    """
    if not source.places:
        return frame
    own = points[[source.keypoints.index(k) for k, _, _ in source.places]].astype(np.float64)
    there, place = (np.asarray(a) @ (1, 1j) for a in (own, [at for _, *at in source.places]))
    spread = place - place.mean()
    turned = complex(np.vdot(spread, there) / np.vdot(spread, spread))
    middle = (IMAGE_SIZE - 1) / 2 * (1 + 1j)
    moved = complex(there.mean() + turned * (middle - place.mean()))
    if not (0.5 <= abs(turned) <= 2 and abs(moved - middle) <= IMAGE_SIZE / 2):
        return frame
    roll = math.degrees(math.atan2(turned.imag, turned.real))
    return Frame(moved.real, moved.imag, abs(turned), roll).seen_from(frame)
