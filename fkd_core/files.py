"""Files that appear whole or not at all, and folders that keep under a size."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UNFINISHED = ".part"
"""Ending of a file still being written; whatever carries it after a crash is waste."""
ABANDONED_AFTER = 24 * 3600.0
"""Seconds after which one was left by a process that died; no file takes this long to write."""


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


def address_in(path: Path) -> str | None:
    """The address that stands where a path should, with the slash that it lost as one; None where
    it is none."""
    found = re.match(r"([a-z][a-z0-9+.-]+):/+", str(path), re.IGNORECASE)
    return f"{found[1]}://{str(path)[found.end() :]}" if found and not path.exists() else None


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is none, or where it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def digest_of(path: Path) -> str:
    """SHA-256 (hex) of a file. Raises OSError where it cannot be read."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unfinished(path: Path) -> bool:
    """Whether somebody writes it, or died while writing it: the file, or the folder it is in."""
    return path.name.endswith(UNFINISHED) or path.parent.name.endswith(UNFINISHED)


def abandoned(path: Path, used: float) -> bool:
    """Whether nobody writes it any more, though it is unfinished; `used` is when it was last
    written, seconds since 1970."""
    return unfinished(path) and time.time() - used > ABANDONED_AFTER


def keep_under(folder: Path, limit_bytes: int, pattern: str = "*") -> int:
    """Deletes the least recently used files below `folder` until they fit; returns how many.

    A reader that has a file open or memory-mapped keeps it (POSIX); touch a file to mark its use.
    What others are writing counts, and stays.
    """
    found, total = [], 0
    for path in folder.rglob(pattern):
        try:
            if path.is_file():
                stat = path.stat()
                total += stat.st_size
                if not unfinished(path) or abandoned(path, stat.st_mtime):
                    found.append((stat.st_mtime, stat.st_size, path))
        except FileNotFoundError:  # another process was faster
            continue
    deleted = 0
    for _, size, path in sorted(found):
        if total <= limit_bytes:
            break
        path.unlink(missing_ok=True)
        total -= size
        deleted += 1
    return deleted
