"""What kind of file it is, by how it begins."""

from __future__ import annotations

import re
from pathlib import Path

HEAD = 64
"""Bytes that tell."""
PICTURE, FILM = "a picture", "a film"

_SUFFIXES = {
    PICTURE: "avif bmp gif jfif jp2 jpe jpeg jpg pbm pgm png pnm ppm tif tiff webp",
    FILM: "avi m4v mkv mov mp4 webm",
    "a camera's raw file": "arw cr2 cr3 dng nef orf pef raf raw rw2 srw",
}
_RAW = "a camera's raw file"
_BEGINNINGS = (
    (rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|BM.{4}\0\0\0\0|RIFF.{4}WEBP", PICTURE),
    (rb"II\*\0|MM\0\*|P[1-6]\s|\0\0\0\x0cjP  |\xff\x4f\xff\x51", PICTURE),
    (rb".{4}ftyp(avif|avis)", PICTURE),
    (rb".{4}ftyp(heic|heix|heim|heis|hevc|hevx|mif1|msf1)", "HEIC, a format of some phones"),
    (rb".{4}ftypcrx|FUJIFILMCCD-RAW|IIRO|IIU\0", _RAW),
    (rb".{4}ftyp|RIFF.{4}AVI |\x1a\x45\xdf\xa3", FILM),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL"),
    (rb"8BPS", "a Photoshop file"),
    (rb"%PDF", "a PDF"),
    (rb"\s*(<\?xml[^>]*>\s*)?<svg", "a drawing (SVG)"),
)


def kind_of(path: Path) -> str | None:
    """PICTURE or FILM where it can be read, words for another kind of picture, or None.

    A file that begins like none of them is what its name says. Raises no OSError: what cannot be
    opened is what its name says, too.
    """
    suffix = path.suffix.lower().removeprefix(".")
    named = next((kind for kind, known in _SUFFIXES.items() if suffix in known.split()), None)
    try:
        with open(path, "rb") as file:
            kind = kind_in(file.read(HEAD))
    except OSError:
        return named
    return named if kind is None or (kind, named) == (PICTURE, _RAW) else kind  # raws are TIFF


def kind_in(content: bytes) -> str | None:
    """The same of a file's content, whatever its name."""
    begins = content[:HEAD]
    return next((k for pattern, k in _BEGINNINGS if re.match(pattern, begins, re.DOTALL)), None)
