"""Files that appear whole or not at all, and folders that keep under a size."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".part"
"""Ending of a file still being written; whatever carries it after a crash is waste."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a path to write aside; renames it to `path` when the block ends well.

    A crash at any moment leaves either the old file or the new one. Parents are created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}{UNFINISHED}")
    try:
        yield aside
        with open(aside, "rb") as written:
            os.fsync(written.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text whole or not at all. What cannot be encoded, as in a file's name that is
    no UTF-8, is escaped."""
    with whole_file(path) as aside:
        aside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def keep_under(folder: Path, limit_bytes: int, pattern: str = "*") -> int:
    """Deletes the least recently used files below `folder` until they fit; returns how many.

    A reader that has a file open or memory-mapped keeps it (POSIX); touch a file to mark its use.
    """
    found = []
    for path in folder.rglob(pattern):
        try:
            if path.is_file():
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        except FileNotFoundError:  # another process was faster
            continue
    total = sum(size for _, size, _ in found)
    deleted = 0
    for _, size, path in sorted(found):
        if total <= limit_bytes:
            break
        path.unlink(missing_ok=True)
        total -= size
        deleted += 1
    return deleted
