"""Cells of the competition's CSV files, with errors that name file, row and column.

Rows are counted as an editor does: the header is row 1. Files that other programs saved again are
read where what they mean is sure: any line end, quotes around cells, blank rows, a leading column
of row numbers, a comma at the end of rows, whole numbers as ``1.0``, and the usual words for a
missing value.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence

from fkd_core.data.causes import of_misfit, of_no_number
from fkd_core.data.headers import header_of
from fkd_core.data.lines import LONGEST, blank, header_in, lines_of
from fkd_core.errors import UserError

FAR = (-96.0, 192.0)
"""Least and greatest coordinate in pixels that can be meant: one picture's width beyond it."""
MISSING = frozenset(
    rb"nan -nan na n/a #n/a #na <na> null none nat ? \n 1.#qnan -1.#qnan 1.#ind -1.#ind".split()
) | {b""}
"""What programs write, in small or capital letters, where there is no value."""

_WHOLE = re.compile(rb"(\d{1,10})(?:\.0*)?")
_NUMBERED = re.compile(rb'"\d+",')
"""How rows begin that R numbered: its header has no cell for these."""


class Table:
    """A CSV file read row by row: checks its header, and gives each row's cells by column name."""

    def __init__(
        self,
        name: str,
        chunks: Iterable[bytes],
        columns: Sequence[str],
        last_may_lack: bool = False,
        optional: Sequence[str] = (),
        values: tuple[str, int] | None = None,
    ) -> None:
        """Reads the header. Raises UserError where its columns are not `columns`, in any order.

        `last_may_lack`: rows may leave out their last cell, comma and all, as the official
        IdLookupTable.csv does. `optional` columns may be there. `values` names a column whose
        cells hold so many values each, which commas may separate where it is the last one.
        """
        self.name = name
        self._lines = lines_of(name, chunks)
        self._lack = last_may_lack
        header = header_in(self._lines)
        if header is None:
            raise UserError(f"{name} is empty; download or save it again")
        self.columns = header_of(f"{name}, row {header[0]}", header[1], columns, optional)
        last = values is not None and self.columns[-1] == values[0]
        self._values = values[1] if values and last else None

    def rows(self) -> Iterator[tuple[int, list[bytes]]]:
        """(row number, one cell a column in the file's order); at least one, or UserError."""
        width, numbered = len(self.columns), None
        for row, line in self._lines:
            if blank(line):
                continue
            cells = self._quoted(row, line) if b'"' in line else line.split(b",")
            if numbered is None:
                numbered = len(cells) == width + 1 and bool(_NUMBERED.match(line) and cells[-1])
            if numbered and len(cells) == width + 1 and _NUMBERED.match(line):
                del cells[0]
            elif numbered or len(cells) != width:
                cells = self._fitted(row, line, cells)
            yield row, cells
        if numbered is None:
            raise UserError(f"{self.name} has a header but no rows; download or save it again")

    def _fitted(self, row: int, line: bytes, cells: list[bytes]) -> list[bytes]:
        """The cells of a row that has more or fewer than the header, where they are sure."""
        count, width = len(cells), len(self.columns)
        if count == width:
            problem = "the rows above begin with a row number, this one does not"
            raise self.error(row, self.columns[0], problem)
        if count == width - 1 and self._lack:
            return [*cells, b""]
        if count > width and not b"".join(cells[width:]).strip():
            return cells[:width]
        if self._values is not None and count == width - 1 + self._values:
            return [*cells[: width - 1], b" ".join(cells[width - 1 :])]
        last = self.columns[min(count, width) - 1]
        cause = of_misfit(line, count, width)
        raise self.error(row, last, f"the row has {count} cells, wanted {width}: {cause}")

    def _quoted(self, row: int, line: bytes) -> list[bytes]:
        """The cells of a row with quotes, which may go on in the next lines."""
        lines, quotes, size = [line], line.count(b'"'), len(line)
        while quotes % 2:
            following = next(self._lines, None) if size < LONGEST else None
            if following is None:
                before = re.sub(rb'"[^"]*"', b"", line.rpartition(b'"')[0]).count(b",")
                column = self.columns[min(before, len(self.columns) - 1)]
                raise self.error(row, column, "a quote is opened and never closed")
            lines.append(following[1])
            quotes += following[1].count(b'"')
            size += len(following[1]) + 1
        limit = csv.field_size_limit(2 * LONGEST)  # of the whole process
        try:
            (cells,) = csv.reader([b"\n".join(lines).decode("latin-1")], strict=True)
        except (csv.Error, ValueError) as error:
            raise UserError(
                f"{self.name}, row {row}: its quotes do not belong together; is one missing, or "
                "one too many?"
            ) from error
        finally:
            csv.field_size_limit(limit)
        return [cell.encode("latin-1") for cell in cells]

    def place(self, column: str) -> int:
        """Position of a column in this file."""
        return self.columns.index(column)

    def error(self, row: int, column: str, problem: str) -> UserError:
        """The one sentence about a bad cell."""
        return UserError(f"{self.name}, row {row}, column {column}: {problem}")

    def whole(self, row: int, column: str, cell: bytes) -> int:
        """A whole number from 0 to 2**31 - 1, or UserError."""
        found = _WHOLE.fullmatch(cell.strip())
        if found and int(found[1]) < 1 << 31:
            return int(found[1])
        if found:
            raise self.error(row, column, f"{shown(cell.strip())} is 2**31 or more; number anew")
        problem = of_no_number(column, cell.strip(), "a whole number from 0")
        raise self.error(row, column, problem)

    def number(self, row: int, column: str, cell: bytes) -> float:
        """A finite number, NaN for a missing one, or UserError."""
        word = cell.strip()
        if word.lower() in MISSING:
            return math.nan
        try:
            value = math.nan if b"_" in word else float(word)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(row, column, of_no_number(column, word, "a finite number", True))
        return value

    def coordinate(self, row: int, column: str, cell: bytes) -> float:
        """A number of pixels within one picture's width of the picture, NaN if missing."""
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not FAR[0] <= value <= FAR[1] or b"_" in cell:
            value = self.number(row, column, cell)  # missing, or the words for what is wrong
            if not math.isnan(value):
                cause = (
                    "is it of a larger picture? Multiply all labels by 96 / its side"
                    if value > FAR[1] and value % 1
                    else "where it stands for no value, leave the cell empty"
                )
                far = f"{shown(cell)} is far outside the picture, {FAR[0]}..{FAR[1]}"
                raise self.error(row, column, f"{far}; {cause}")
        return value


def shown(cell: bytes) -> str:
    """A cell's beginning, fit for a message."""
    return repr(cell[:30].decode("utf-8", "backslashreplace"))
