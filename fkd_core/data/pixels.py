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
_NEAR = 1e-3
"""How far a value may be from a whole number that arithmetic left so."""
_BETWEEN = bytes.maketrans(b",;|[]()'\"", b" " * 9)
"""What stands between numbers that a program wrote as a list."""
_NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def parse_pixels(text: bytes) -> NDArray[np.uint8]:
    """[9216] gray levels from whole numbers 0..255 between blanks or commas, in brackets and
    quotes or not; they may be written as fractions, within 0.001.

    Raises ValueError that says which pixel (from 1) is wrong, or how many there are.
    """
    for form in (text, _tidied(text)):
        if (values := _usual(form)) is not None:
            return values
    if (values := _rounded(_tidied(text))) is not None:
        return values
    raise ValueError(_wrong(text))


def _tidied(text: bytes) -> bytes:
    """The usual form of what other programs write: brackets, quotes, commas, 238.0 and 238."""
    blanks = b" ".join(_words(text)) + b" "
    return blanks.replace(b".0 ", b" ").replace(b". ", b" ")[:-1]


def _words(text: bytes) -> list[bytes]:
    """What stands between blanks, commas, brackets and quotes."""
    return text.translate(_BETWEEN).split()


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


def _rounded(tidied: bytes) -> NDArray[np.uint8] | None:
    """Any other way to write numbers, such as 2.38e+02, 237.99998 or 0238. None for what is no
    picture."""
    if tidied.translate(None, b"0123456789.+-eE "):
        return None
    try:
        found = np.array(tidied.split()).astype(np.float64)
    except ValueError:
        return None
    whole = np.rint(found)
    sure = len(found) == PIXELS and bool((np.abs(found - whole) <= _NEAR).all())
    return whole.astype(np.uint8) if sure and whole.min() >= 0 and whole.max() <= 255 else None


def _wrong(text: bytes) -> str:
    """The words for what is wrong with a picture that can't be read."""
    words = _words(text)
    if len(words) == 1 and words[0].lower() in MISSING:
        words = []
    for place, word in enumerate(words[: PIXELS + 1], start=1):
        shown = word[:20].decode("ascii", "backslashreplace")
        if word == b"...":
            return "'...' stands for most pixels: the text was shortened when saved"
        value = float(word) if _NUMBER.fullmatch(word) else math.nan
        if not -_NEAR <= value < math.inf:
            return f"pixel {place} is {shown!r}, not a whole number 0..255"
        if abs(value - round(value)) > _NEAR:
            return f"pixel {place} is {shown!r}, not a whole number 0..255; were they scaled?"
        if round(value) > 255:
            return f"pixel {place} is {shown}, outside 0..255"
    return _miscount(len(words), len(text))


def _miscount(count: int, length: int) -> str:
    """What is said of a cell of so many bytes that holds so many pixels."""
    if not count:
        return "0 pixels: there is no picture"
    side = math.isqrt(count)
    wrong = f"{count} pixels, wanted {PIXELS} ({IMAGE_SIZE} x {IMAGE_SIZE})"
    if count in (3 * PIXELS, 4 * PIXELS):
        return f"{wrong}: are these {count // PIXELS} channels of colour? Save gray levels"
    if side * side == count > 1:
        return f"{wrong}: this is a picture of {side} x {side}"
    if count < PIXELS and _SPREADSHEET - 8 <= length <= _SPREADSHEET:
        return f"{wrong}: spreadsheets cut cells at {_SPREADSHEET:,} characters; use the original"
    if count % IMAGE_SIZE == 0 and count % PIXELS:
        shape = f"{IMAGE_SIZE} x {count // IMAGE_SIZE}"
        return f"{wrong}: is this a picture of {shape}, or is the row cut short or doubled?"
    if count > PIXELS:
        return f"{wrong}: are there two rows in one?"
    return f"{wrong}: the row is cut short; download or save it again"
