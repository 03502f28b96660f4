"""The one exception that a user may see: it becomes a single line and exit code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend. The message says what is wrong, where, and what to do."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean 'rotation'? `` where a name is near one that is known, else empty."""
    near = difflib.get_close_matches(name.lower(), list(known), 1, cutoff=0.5)
    return f"did you mean {near[0]!r}? " if near else ""
