"""The terminal, where commands say what they do."""

from __future__ import annotations

import sys

from rich.console import Console

console = Console(
    highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 130
)
"""Prints text as it is: a folder may be called [old], or :x:."""


def say(line: str) -> None:
    """Prints a line that may be longer than the terminal is wide."""
    console.print(line, soft_wrap=True)
