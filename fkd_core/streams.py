"""Standard streams as a command finds them: closed, or a pipe that nobody reads any more.

The standard library alone, for scripts import it before everything else.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


def reopen() -> None:
    """Puts nothing in place of a standard stream that was closed, as schedulers may leave them: in
    its order, and before another file takes its number and is written what was meant for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


@contextlib.contextmanager
def while_read() -> Iterator[None]:
    """Ends the program quietly, with exit code 1, where whoever reads its output has gone, as
    `head` does. So does Rich, by which most is printed."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # of what is still held
        sys.exit(1)
