"""A CSV file's first row: its columns, or the likely reason why they are not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fkd_core.data.archive import LOOKUP, SAMPLE, TEST, TRAINING
from fkd_core.data.causes import SEPARATORS, WITH_COMMAS
from fkd_core.errors import UserError
from fkd_core.keypoints import COLUMNS

_NUMBERING = re.compile(
    r"(unnamed: \d+(\.\d+)?|index|level_0|__index_level_0__|x(\.\d+)?|\.{3}1|)", re.IGNORECASE
)
"""What programs call a column of row numbers: pandas, Arrow, R and its readr."""
_OTHERS = {
    TRAINING: {*COLUMNS, "Image"},
    TEST: {"ImageId", "Image"},
    LOOKUP: {"RowId", "ImageId", "FeatureName", "Location"},
    SAMPLE: {"RowId", "Location"},
}
"""The competition's files by their columns: two of them may have each other's names."""


def header_of(
    where: str, line: bytes, columns: Sequence[str], optional: Sequence[str] = ()
) -> tuple[str, ...]:
    """The columns in the file's order; `where` is the file and row. Raises UserError where they
    are not `columns`, in any order, besides `optional` ones and nameless ones of row numbers."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{where}: the header is not UTF-8 text; save the file as UTF-8"
        ) from error
    found = _names(text, ",")
    for other, names in _OTHERS.items():
        if names == {*found} != {*columns}:
            raise UserError(f"{where}: these are the columns of {other}; are two files exchanged?")
    lost = [column for column in columns if column not in found]
    if lost:
        raise UserError(f"{where}: {_why(text, found, columns, lost)}")
    for place, column in enumerate(found, start=1):
        if column not in columns and column not in optional and not _NUMBERING.fullmatch(column):
            raise UserError(
                f"{where}, column {place}: {column[:40]!a} is not expected here; take it out"
            )
        if column and column in found[: place - 1]:
            raise UserError(f"{where}, column {place}: {column!r} appears twice; take one out")
    return found


def _names(text: str, separator: str) -> tuple[str, ...]:
    cells = (cell.strip() for cell in text.split(separator))
    return tuple(c[1:-1].strip() if len(c) > 1 and c[0] == c[-1] == '"' else c for c in cells)


def _why(text: str, found: Sequence[str], columns: Sequence[str], lost: Sequence[str]) -> str:
    """What was found instead of these columns, and what to do."""
    for separator, called in SEPARATORS.items():
        if set(columns) & set(_names(text, separator)) > set(columns) & set(found):
            return f"its cells are separated by {called}; {WITH_COMMAS}"
    if text.startswith(("#", "//", "%")):
        return "this is no header but a comment; take the line out"
    first = lost[0]
    for column in found:
        if _letters(column) == _letters(first):
            return f"column {first} is called {column!a} here; write it as the competition does"
    if found and all(_is_number(cell) for cell in found[:2]):
        return f"numbers stand where the names of the columns should; wanted {_few(columns)}"
    return (
        f"column {_few(lost)} missing; wanted {_few(columns)}, found "
        f"{_few([ascii(column[:40])[1:-1] for column in found])}"
    )


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d+(\.\d*)?", cell)) or not cell


def _few(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more
