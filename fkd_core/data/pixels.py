"""One face's pixels from text, about four times as fast as ``np.fromstring``, and strict."""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.tables import MISSING
from fkd_core.keypoints import IMAGE_SIZE

PIXELS = IMAGE_SIZE * IMAGE_SIZE
"""Values a face has: 9216."""
_SPREADSHEET = 32_767
"""Characters that spreadsheets keep of a cell."""
_WHOLE = re.compile(rb"0*(\d+)(?:\.0*)?")
_FRACTION = re.compile(rb"[-+]?\d*\.\d+(e[-+]?\d+)?", re.IGNORECASE)


def parse_pixels(text: bytes) -> NDArray[np.uint8]:
    """[9216] gray levels from whole numbers 0..255 between blanks or commas, in brackets or not.

    Raises ValueError that says which pixel (from 1) is wrong, or how many there are.
    """
    for form in (text, _tidied(text)):
        if (values := _usual(form)) is not None:
            return values
    return _any(text)


def _tidied(text: bytes) -> bytes:
    """The usual form of what other programs write: brackets, commas, 238.0 and 238."""
    blanks = b" ".join(text.strip().strip(b"[]()").replace(b",", b" ").split()) + b" "
    return blanks.replace(b".0 ", b" ").replace(b". ", b" ")[:-1]


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
    """The patient way: any white space, commas, brackets around all, leading zeros, whole numbers
    as 238.0; and the words for what is wrong."""
    words = text.strip().strip(b"[]()").replace(b",", b" ").split()
    if len(words) == 1 and words[0].lower() in MISSING:
        words = []
    for place, word in enumerate(words[: PIXELS + 1], start=1):
        shown = word[:20].decode("ascii", "backslashreplace")
        if word == b"...":
            raise ValueError("'...' stands for most pixels: the text was shortened when saved")
        if not (whole := _WHOLE.fullmatch(word)):
            hint = "; were they scaled?" if _FRACTION.fullmatch(word) else ""
            raise ValueError(f"pixel {place} is {shown!r}, not a whole number 0..255{hint}")
        if len(whole[1]) > 3 or int(whole[1]) > 255:
            raise ValueError(f"pixel {place} is {shown}, outside 0..255")
    if len(words) != PIXELS:
        raise ValueError(_miscount(len(words), len(text)))
    return np.array([int(float(word)) for word in words], np.uint8)


def _miscount(count: int, length: int) -> str:
    """What is said of a cell of so many bytes that holds so many pixels."""
    if not count:
        return "0 pixels: there is no picture"
    side = math.isqrt(count)
    wrong = f"{count} pixels, wanted {PIXELS} ({IMAGE_SIZE} x {IMAGE_SIZE})"
    if side * side == count:
        return f"{wrong}: this is a picture of {side} x {side}"
    if count > PIXELS:
        return f"{wrong}: are there two rows in one?"
    if _SPREADSHEET - 8 <= length <= _SPREADSHEET:
        return f"{wrong}: spreadsheets cut cells at {_SPREADSHEET:,} characters; use the original"
    return f"{wrong}: the row is cut short; download the file again"
