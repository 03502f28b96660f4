"""A CSV file's first row: its columns, or the likely reason why they are not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fkd_core.errors import UserError

_NUMBERING = re.compile(r"(unnamed: \d+(\.\d+)?|index|level_0|)", re.IGNORECASE)
"""What programs call a column of row numbers."""
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_KINDS = (
    (rb"version https://git-lfs", "a Git LFS pointer, not the file itself; run `git lfs pull`"),
    (rb"PK\x03\x04", "a zip archive or a spreadsheet under another name; unpack or export it"),
    (rb"\x1f\x8b", "packed with gzip; unpack it with `gunzip`"),
    (rb"\s*<", "a web page (or XML), not a CSV file; log in and download it again"),
    (rb"\s*[{\[]", "JSON, not a CSV file; download it again"),
    (rb"%PDF|\x89PNG|\xff\xd8\xff", "a document or picture, not a CSV file"),
)
"""How files begin that are something else, and what to say of them."""


def header_of(
    name: str, line: bytes, columns: Sequence[str], optional: Sequence[str] = ()
) -> tuple[str, ...]:
    """The columns in the file's order. Raises UserError where they are not `columns`, in any
    order, besides `optional` ones and nameless ones of row numbers."""
    for beginning, kind in _KINDS:
        if re.match(beginning, line):
            raise UserError(f"{name} is {kind}")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{name}, row 1: the header is not UTF-8 text (UTF-16?); save the file as UTF-8"
        ) from error
    if "\0" in text:
        raise UserError(f"{name}, row 1: the header holds zero bytes (UTF-16?); save it as UTF-8")
    found = _names(text, ",")
    lost = [column for column in columns if column not in found]
    if lost:
        raise UserError(f"{name}, row 1: {_why(text, found, columns, lost)}")
    for place, column in enumerate(found, start=1):
        if column not in columns and column not in optional and not _NUMBERING.fullmatch(column):
            raise UserError(f"{name}, row 1, column {place}: {column[:40]!r} is not expected here")
        if column and column in found[: place - 1]:
            raise UserError(f"{name}, row 1, column {place}: {column!r} appears twice")
    return found


def _names(text: str, separator: str) -> tuple[str, ...]:
    cells = (cell.strip() for cell in text.split(separator))
    return tuple(c[1:-1].strip() if len(c) > 1 and c[0] == c[-1] == '"' else c for c in cells)


def _why(text: str, found: Sequence[str], columns: Sequence[str], lost: Sequence[str]) -> str:
    """What was found instead of these columns, and what to do."""
    for separator, called in _SEPARATORS.items():
        if set(columns) & set(_names(text, separator)) > set(columns) & set(found):
            return f"its cells are separated by {called}; save it with commas"
    first = lost[0]
    for column in found:
        if column.casefold() == first.casefold():
            return f"column {first} is called {column!r} here; write it as the competition does"
    if found and all(_is_number(cell) for cell in found[:2]):
        return f"numbers stand where the names of the columns should; wanted {_few(columns)}"
    return (
        f"column {_few(lost)} missing; wanted {_few(columns)}, found "
        f"{_few([column[:40] for column in found])}"
    )


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d+(\.\d*)?", cell)) or not cell


def _few(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more
