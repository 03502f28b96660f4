"""The store's index: one row a fit, so that listing opens no fit's file.

It is derived: what is missing or damaged here is read again from the files. New rows are lines,
only ever appended, each under its own CRC, so a writer killed half-way spoils its own line alone,
and two writers at once at worst cost a second reading. Once there are many they are gathered, with
what was gathered before, in one sealed file of columns beside it, which is read much faster.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fkd_core.files import whole_file
from fkd_core.fitting.columns import Row, from_columns, to_columns
from fkd_core.fitting.sealed import DamagedError, read_sealed, write_sealed

_SLACK = 1000  # lines worth keeping before they are gathered
_GONE = "gone"  # the only field beside the key in the line of a fit that was discarded


@dataclass(frozen=True)
class Index:
    """The index of one store, at this path; the gathered rows lie beside it."""

    path: Path

    def add(self, rows: Iterable[Row]) -> None:
        """Appends rows in one write. Raises OSError where the folder cannot be written."""
        text = b"".join(map(_encode, rows))
        if not text:
            return
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(handle, text)
        finally:
            os.close(handle)

    def forget(self, key: str) -> None:
        """Says that a fit was discarded: a result put under this key later is another."""
        self.add([{"key": key, _GONE: True}])

    def read(self) -> tuple[dict[str, Row], int]:
        """All that is intact, by key, the latest of each; and how many lines are not gathered."""
        rows = {row["key"]: row for row in self._gathered()}
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            lines = []
        for line in lines:
            if (row := _decode(line)) is None:
                continue
            if _GONE in row:
                rows.pop(row["key"], None)
            else:
                rows[row["key"]] = row
        return rows, len(lines)

    def gather(self, lines: int, current: Sequence[Row]) -> None:
        """Writes the current rows together where there are many lines beside them.

        A line that another process appends meanwhile is lost, and read again from its file.
        """
        if lines > _SLACK + len(current) // 10:
            told, arrays = to_columns(current)
            write_sealed(self._beside, told, arrays)
            with whole_file(self.path) as aside:
                aside.write_bytes(b"")

    def _gathered(self) -> list[Row]:
        with contextlib.suppress(FileNotFoundError, DamagedError):
            return from_columns(*read_sealed(self._beside))
        return []

    @property
    def _beside(self) -> Path:
        return self.path.with_name(self.path.name + ".columns")


def _encode(row: Row) -> bytes:
    # The newline comes first, so that a torn line before it cannot swallow this one.
    body = json.dumps(row).encode()
    return b"\n%08x %s" % (zlib.crc32(body), body)


def _decode(line: bytes) -> Row | None:
    check, _, body = line.partition(b" ")
    if check != b"%08x" % zlib.crc32(body):
        return None
    told: Any = json.loads(body)
    row: Row = told[-1] if isinstance(told, list) else told  # older lines had the file's stamp
    return row
