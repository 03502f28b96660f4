"""The one exception that a user may see: it becomes a single line and exit code 2."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend. The message says what is wrong, where, and what to do."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean 'rotation'? `` where a name is near one that is known, else empty."""
    near = difflib.get_close_matches(name.lower(), list(known), 1, cutoff=0.5)
    return f"did you mean {near[0]!r}? " if near else ""


def kind_of_value(value: object) -> str:
    """What a message calls a value that is not taken: ``float64 [3, 96, 96]`` or ``bytes``."""
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if dtype is None or shape is None:
        return type(value).__name__
    return f"{dtype} {[*shape]}"


def one_line(text: str) -> str:
    """The text with line breaks and other control characters escaped, which a file's name may
    hold: it could break a line in two, or command the terminal."""
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in ("Cc", "Zl", "Zp")
        else letter
        for letter in text
    )
