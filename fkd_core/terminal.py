"""The terminal, where commands say what they do."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.text import Text

console = Console(
    highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 130
)
"""Prints text as it is: a folder may be called [old], or :x:."""


def say(line: str) -> None:
    """Prints a line that may be longer than the terminal is wide."""
    console.print(line, soft_wrap=True)


SILENCE = 3.0
"""Seconds without a word after which people wonder whether anything goes on."""


class Doing:
    """Says what is done now, step by step: beside a spinner in a terminal, and elsewhere by a line
    where nothing was said for a while, or where the step will take as long."""

    def __init__(
        self, console: Console = console, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._console, self._now = console, now
        self._status = console.status("")
        self._said = float("-inf")

    def __enter__(self) -> Doing:
        self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._status.stop()

    def step(self, what: str, seconds: float = 0.0) -> None:
        """This begins, and takes about so long."""
        self._status.update(Text(what))  # a name may hold brackets
        quiet = self._now() - self._said >= SILENCE or seconds >= SILENCE
        if quiet and not self._console.is_terminal:
            self.say(f"  {what}")

    def say(self, line: str) -> None:
        """A line for good."""
        self._said = self._now()
        self._console.print(line, soft_wrap=True)
