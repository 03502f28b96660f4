"""The store's index: one line a fit, so that listing opens no fit's file.

It is derived: every line names the size and time of the file it speaks of, and what is missing,
stale or damaged here is read again from the files. Lines are only ever appended, each under its
own CRC, so a writer killed half-way spoils its own line alone, and two writers at once at worst
cost a second reading.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fkd_core.files import whole_file

Stamp = tuple[int, int]
"""Size in bytes and modification time in ns of a fit's file."""

_SLACK = 1000  # outdated lines worth keeping before the index is written anew


@dataclass(frozen=True)
class Line:
    """What the index knows of one fit: its file's stamp, and its summary row."""

    stamp: Stamp
    row: dict[str, Any]


def append_lines(path: Path, lines: Iterable[Line]) -> None:
    """Adds lines in one write. Raises OSError where the folder cannot be written."""
    text = b"".join(map(_encode, lines))
    if not text:
        return
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(handle, text)
    finally:
        os.close(handle)


def read_lines(path: Path) -> list[Line]:
    """All intact lines, oldest first; a missing index is an empty one."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return [line for raw in content.split(b"\n") if (line := _decode(raw)) is not None]


def compact(path: Path, read: int, current: Mapping[str, Line]) -> None:
    """Writes the index anew where most of the `read` lines are outdated.

    A line that another process appends meanwhile is lost, and read again from its file.
    """
    if read > 2 * len(current) + _SLACK:
        with whole_file(path) as aside:
            aside.write_bytes(b"".join(map(_encode, current.values())))


def _encode(line: Line) -> bytes:
    # The newline comes first, so that a torn line before it cannot swallow this one.
    body = json.dumps([*line.stamp, line.row]).encode()
    return b"\n%08x %s" % (zlib.crc32(body), body)


def _decode(raw: bytes) -> Line | None:
    check, _, body = raw.partition(b" ")
    if check != b"%08x" % zlib.crc32(body):
        return None
    size, time_ns, row = json.loads(body)
    return Line((size, time_ns), row)
