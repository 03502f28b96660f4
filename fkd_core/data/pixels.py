"""One face's pixels from text, about four times as fast as ``np.fromstring``, and strict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import IMAGE_SIZE

PIXELS = IMAGE_SIZE * IMAGE_SIZE
"""Values a face has: 9216."""


def parse_pixels(text: bytes) -> NDArray[np.uint8]:
    """[9216] gray levels from decimal numbers 0..255 between blanks.

    Raises ValueError that says which pixel (from 1) is wrong, or how many there are.
    """
    values = _usual(text)
    return _any(text) if values is None else values


def _usual(text: bytes) -> NDArray[np.uint8] | None:
    """The form all known files have: one to three digits, one blank between. None for others.

    Works on the digits of all pixels at once: each number's last three characters are its ones,
    tens and hundreds, as far as it is that long.
    """
    raw = np.frombuffer(text, np.uint8)
    blanks = np.flatnonzero(raw == 32)
    if len(blanks) != PIXELS - 1:
        return None
    ends = np.empty(PIXELS, np.intp)
    ends[:-1] = blanks
    ends[-1] = len(raw)
    lengths = np.diff(ends, prepend=-1) - 1
    digits = np.zeros(len(raw) + 2, np.uint8)  # two zeros ahead, for a first number of one digit
    np.subtract(raw, 48, out=digits[2:])
    is_digit = digits < 10
    if lengths.min() < 1 or lengths.max() > 3 or is_digit.sum() != len(digits) - len(blanks):
        return None
    digits *= is_digit  # a blank counts as 0 where it stands in the tens' place
    values = digits[ends - 1].astype(np.uint16)
    values *= lengths == 3  # in a shorter number this is a digit of its neighbour
    values *= 10
    values += digits[ends]
    values *= 10
    values += digits[ends + 1]
    return values.astype(np.uint8) if values.max() <= 255 else None


def _any(text: bytes) -> NDArray[np.uint8]:
    """The patient way: any white space, leading zeros; and the words for what is wrong."""
    words = text.split()
    for place, word in enumerate(words[: PIXELS + 1], start=1):
        shown = word[:20].decode("ascii", "backslashreplace")
        if not word.isdigit():
            raise ValueError(f"pixel {place} is {shown!r}, not a whole number 0..255")
        if len(word.lstrip(b"0")) > 3 or int(word) > 255:
            raise ValueError(f"pixel {place} is {shown}, outside 0..255")
    if len(words) != PIXELS:
        raise ValueError(f"{len(words)} pixels, wanted {PIXELS} (96 x 96)")
    return np.array([int(word) for word in words], np.uint8)
