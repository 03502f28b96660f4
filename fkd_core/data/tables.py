"""Lines and cells of the competition's CSV files, with errors that name file, row and column.

Rows are counted as an editor does: the header is row 1. Cells hold numbers and names only, so a
comma always separates; quotes around a whole cell are taken off.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from fkd_core.errors import UserError

FAR = (-96.0, 192.0)
"""Least and greatest coordinate in pixels that can be meant: one picture's width beyond it."""
LONGEST = 1 << 20
"""Bytes a row may have; a face's row has about 36,000."""


class Table:
    """A CSV file read row by row: checks its header, and gives each row's cells by column name."""

    def __init__(
        self,
        name: str,
        chunks: Iterable[bytes],
        columns: Sequence[str],
        last_may_lack: bool = False,
        optional: Sequence[str] = (),
    ) -> None:
        """Reads the header. Raises UserError where its columns are not `columns`, in any order.

        `last_may_lack`: rows may leave out their last cell, comma and all, as the official
        IdLookupTable.csv does. `optional` columns may be there.
        """
        self.name = name
        self._lines = _lines(name, chunks)
        self._lack = last_may_lack
        header = next(self._lines, None)
        if header is None or (not header.strip() and next(self._lines, None) is None):
            raise UserError(f"{name} is empty; download it again")
        self.columns = _header(name, header, columns, optional)

    def rows(self) -> Iterator[tuple[int, list[bytes]]]:
        """(row number, one cell a column in the file's order); at least one, or UserError."""
        row, width = 1, len(self.columns)
        for row, line in enumerate(self._lines, start=2):
            cells = line.split(b",")
            if b'"' in line:
                cells = [_unquoted(cell) for cell in cells]
            if len(cells) == width - 1 and self._lack:
                cells.append(b"")
            if len(cells) != width:
                if not line.strip() and not any(rest.strip() for rest in self._lines):
                    break  # blank lines at the end
                last = self.columns[min(len(cells), width) - 1]
                raise self.error(
                    row,
                    last,
                    f"the row has {len(cells)} cells, wanted {width}; is the file cut short here?",
                )
            yield row, cells
        else:
            row += 1
        if row <= 2:
            raise UserError(f"{self.name} has a header but no rows; download it again")

    def place(self, column: str) -> int:
        """Position of a column in this file."""
        return self.columns.index(column)

    def error(self, row: int, column: str, problem: str) -> UserError:
        """The one sentence about a bad cell."""
        return UserError(f"{self.name}, row {row}, column {column}: {problem}")

    def whole(self, row: int, column: str, cell: bytes) -> int:
        """A whole number from 0 to 2**31 - 1, or UserError."""
        word = cell.strip()
        if word.isdigit() and len(word) <= 10 and int(word) < 1 << 31:
            return int(word)
        raise self.error(row, column, f"{shown(cell)} is not a whole number from 0")

    def number(self, row: int, column: str, cell: bytes) -> float:
        """A finite number, NaN for an empty cell, or UserError."""
        word = cell.strip()
        if not word:
            return math.nan
        try:
            value = math.nan if b"_" in word else float(word)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(row, column, f"{shown(cell)} is not a finite number")
        return value

    def coordinate(self, row: int, column: str, cell: bytes) -> float:
        """A number of pixels within one picture's width of the picture, NaN if empty."""
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not FAR[0] <= value <= FAR[1] or b"_" in cell:
            value = self.number(row, column, cell)  # empty, or the words for what is wrong
            if not math.isnan(value):
                raise self.error(
                    row, column, f"{shown(cell)} is far outside the picture, {FAR[0]}..{FAR[1]}"
                )
        return value


def shown(cell: bytes) -> str:
    """A cell's beginning, fit for a message."""
    return repr(cell[:30].decode("utf-8", "backslashreplace"))


def _lines(name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest, row = b"", 0
    for chunk in chunks:
        whole = (rest + chunk).split(b"\n")
        rest = whole.pop()
        for line in whole:
            row += 1
            yield line[:-1] if line.endswith(b"\r") else line
        if len(rest) > LONGEST:
            raise UserError(f"{name}, row {row + 1}: the row does not end; is this a CSV file?")
    if rest:
        yield rest[:-1] if rest.endswith(b"\r") else rest


def _unquoted(cell: bytes) -> bytes:
    return cell[1:-1] if len(cell) > 1 and cell[:1] == cell[-1:] == b'"' else cell


def _header(
    name: str, line: bytes, columns: Sequence[str], optional: Sequence[str]
) -> tuple[str, ...]:
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{name}, row 1: the header is not UTF-8 text (UTF-16?); save the file as UTF-8"
        ) from error
    if "\0" in text:
        raise UserError(f"{name}, row 1: the header holds zero bytes (UTF-16?); save it as UTF-8")
    found = tuple(_unquoted(cell.strip().encode()).decode().strip() for cell in text.split(","))
    lost = [column for column in columns if column not in found]
    if lost:
        raise UserError(f"{name}, row 1: column {_few(lost)} missing; wanted {_few(columns)}")
    for place, column in enumerate(found, start=1):
        if column not in columns and column not in optional:
            raise UserError(f"{name}, row 1, column {place}: {column[:40]!r} is not expected here")
        if column in found[: place - 1]:
            raise UserError(f"{name}, row 1, column {place}: {column!r} appears twice")
    return found


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more
