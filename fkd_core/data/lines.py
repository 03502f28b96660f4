"""The lines of a CSV file, numbered as an editor does, whatever ends them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from fkd_core.data.kinds import BOM, kind_of
from fkd_core.errors import UserError

LONGEST = 1 << 20
"""Bytes a row may have; a face's row has about 36,000."""

_BLANK = b', \t\x1a"'
"""What rows hold that say nothing: Excel leaves commas, and DOS its mark of a file's end."""
_VALUES = 4 * 9216
"""Blanks and commas in a row, from which on it is large pictures that make it long."""


def blank(line: bytes) -> bool:
    """Whether a row says nothing. One quote alone opens a cell, and is none of these."""
    return not line.strip(_BLANK) and line.count(b'"') % 2 == 0


def lines_of(name: str, chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line) for lines that end in LF, CR LF or CR, without the mark of UTF-8.

    Raises UserError for a file that is no text, and for a line that does not end.
    """
    chunks = iter(chunks)
    first = next(chunks, b"")
    if kind := kind_of(first):
        raise UserError(f"{name} is {kind}")
    while first.startswith(BOM):
        first = first.removeprefix(BOM)
    yield from _split(name, chain([first], chunks))


def header_in(lines: Iterator[tuple[int, bytes]]) -> tuple[int, bytes] | None:
    """The first line that says something, with its number; Excel's ``sep=,`` doesn't."""
    for row, line in lines:
        if not blank(line) and not re.fullmatch(rb'"?sep=."?', line.strip(b" "), re.IGNORECASE):
            return row, line
    return None


def _split(name: str, chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    rest, count = b"", 0
    for chunk in chunks:
        text = rest + chunk
        held = b""
        if b"\r" in text:
            if text.endswith(b"\r"):  # its LF may follow
                text, held = text[:-1], b"\r"
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *whole, rest = text.split(b"\n")
        rest += held
        yield from enumerate(whole, start=count + 1)
        count += len(whole)
        if len(rest) > LONGEST:
            raise UserError(f"{name}, row {count + 1}: {_endless(rest)}")
    if rest := rest.rstrip(b"\r"):
        yield count + 1, rest


def _endless(line: bytes) -> str:
    if line.count(b" ") + line.count(b",") > _VALUES:
        return "the row has over 1 MiB; are its pictures larger than 96 x 96?"
    if b"\0" in line:
        return (
            "the row holds zero bytes: the file was damaged when saved; download or save it again"
        )
    return "the row does not end; is this a CSV file?"
