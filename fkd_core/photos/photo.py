"""A photo with the faces found in it, for Python: points by name, and the picture drawn."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fkd_core.errors import UserError, kind_of_value
from fkd_core.files import whole_file
from fkd_core.keypoints import KEYPOINTS
from fkd_core.photos.detector import SURE
from fkd_core.photos.faces import Face, Predict, marked, spotted
from fkd_core.photos.overlay import drawn
from fkd_core.photos.reading import Colour, gray, read_photo
from fkd_core.photos.reading import shown as named
from fkd_core.sources import Source


@dataclass(frozen=True, eq=False)
class NamedFace:
    """One face. ``face["nose_tip"]`` is (x, y) in the photo's pixels, 0 at the centre of the
    first; left and right are the subject's."""

    found: Face
    source: Source
    """In whose style its points are."""

    @property
    def points(self) -> dict[str, tuple[float, float]]:
        """Name to (x, y), in the competition's order."""
        pairs = zip(self.source.keypoints, self.found.points.tolist(), strict=True)
        return {KEYPOINTS[keypoint]: (x, y) for keypoint, (x, y) in pairs}

    @property
    def score(self) -> float | None:
        """How sure the detector is, 0 to 1; None where the photo was taken as a face."""
        return self.found.score

    def __getitem__(self, name: str) -> tuple[float, float]:
        """Raises KeyError with the names there are."""
        points = self.points
        if name not in points:
            raise KeyError(f"{name!r} is no keypoint here; there are {', '.join(points)}")
        return points[name]

    def __repr__(self) -> str:
        x, y, side = self.found.frame.x, self.found.frame.y, self.found.frame.side
        return f"<face of {side:.0f} px around ({x:.0f}, {y:.0f}), {len(self.points)} points>"


@dataclass(frozen=True, eq=False)
class Photo(Sequence[NamedFace]):
    """A photo as the sequence of its faces, largest first."""

    pixels: Colour
    faces: tuple[NamedFace, ...]
    source: Source

    def __len__(self) -> int:
        return len(self.faces)

    def __iter__(self) -> Iterator[NamedFace]:
        return iter(self.faces)

    @overload
    def __getitem__(self, index: int) -> NamedFace: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[NamedFace, ...]: ...

    def __getitem__(self, index: int | slice) -> NamedFace | tuple[NamedFace, ...]:
        return self.faces[index]

    @property
    def points(self) -> pd.DataFrame:
        """One row a point: ``face`` from 1, ``keypoint``, ``x`` and ``y`` in photo pixels."""
        rows = [
            (number, name, x, y)
            for number, face in enumerate(self.faces, start=1)
            for name, (x, y) in face.points.items()
        ]
        return pd.DataFrame(rows, columns=["face", "keypoint", "x", "y"])

    @property
    def drawn(self) -> NDArray[np.uint8]:
        """[height, width, 3] red, green, blue: the photo with squares and points; small ones are
        enlarged, large ones shrunk."""
        picture = drawn(self.pixels, [face.found for face in self.faces], self.source)
        return np.ascontiguousarray(picture[..., ::-1])

    def save(self, path: str | Path) -> Path:
        """Writes the drawn photo, as PNG or JPEG by its name, whole or not at all."""
        path = Path(path).expanduser()
        if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
            raise UserError(f"{named(path)}: name it .png or .jpg")
        content = cv2.imencode(path.suffix.lower(), self.drawn[..., ::-1])[1].tobytes()
        with whole_file(path) as aside:
            aside.write_bytes(content)
        return path

    def show(self) -> None:
        """Shows the drawn photo: below a notebook's cell, elsewhere in the system's viewer."""
        display = getattr(sys.modules.get("IPython"), "display", None)
        if display is not None and sys.modules["IPython"].get_ipython() is not None:
            display.display(self)
            return
        from PIL import Image

        Image.fromarray(self.drawn).show()

    def _repr_png_(self) -> bytes:
        """What a notebook shows where this is a cell's last value."""
        return bytes(cv2.imencode(".png", self.drawn[..., ::-1])[1].tobytes())

    def __repr__(self) -> str:
        tall, wide = self.pixels.shape[:2]
        count = f"{len(self)} face{'' if len(self) == 1 else 's'}"
        return f"<photo of {wide} x {tall} px, {count} in the style of {self.source.name}>"


def photo(
    shown: str | Path | NDArray[Any], predict: Predict, source: Source, sure: float = SURE
) -> Photo:
    """Finds the faces of an image file, or of pixels: uint8 [height, width] of gray levels or
    [height, width, 3] of red, green and blue.

    Raises UserError for a file that is not there or no picture, other pixels, and a `sure` that
    is not between 0 and 1.
    """
    given: Any = sure
    if not (isinstance(given, Real) and 0 < float(given) < 1):
        raise UserError(f"sure: {sure!r} is no number between 0 and 1; give one, as {SURE}")
    pixels = _pixels(shown)
    shades = gray(pixels)
    ((*faces,),) = marked([shades], [spotted(shades, sure)], predict, source)
    return Photo(pixels, tuple(NamedFace(face, source) for face in faces), source)


_TAKEN = "an image file's path, or pixels as uint8 [height, width] or [height, width, 3]"


def _pixels(shown: str | Path | NDArray[Any]) -> Colour:
    if isinstance(shown, np.ndarray):
        if shown.ndim == 3 and shown.shape[2] == 4:
            raise UserError(
                f"a photo is {_TAKEN}, not {kind_of_value(shown)}; leave what is transparent out: "
                "pixels[..., :3]"
            )
        if shown.dtype != np.uint8 or shown.shape[2:] not in ((), (3,)) or shown.ndim < 2:
            raise UserError(
                f"a photo is {_TAKEN}, from 0 to 255, not {kind_of_value(shown)}; convert it"
            )
        if not shown.size:
            raise UserError(f"a photo has at least one pixel, not {kind_of_value(shown)}")
        colour = shown[..., ::-1] if shown.ndim == 3 else shown[..., None].repeat(3, axis=2)
        return np.ascontiguousarray(colour)
    if not isinstance(shown, str | Path):
        raise UserError(f"a photo is {_TAKEN}, not {kind_of_value(shown)}; give one of these")
    path = Path(shown).expanduser()
    try:
        return read_photo(path)
    except OSError as error:
        raise UserError(f"{named(path)} cannot be opened ({error.strerror})") from error
