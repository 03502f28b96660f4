"""Lines and cells of the competition's CSV files, with errors that name file, row and column.

Rows are counted as an editor does: the header is row 1. Files that other programs saved again are
read where what they mean is sure: any line end, quotes around cells, blank rows, a leading column
of row numbers, whole numbers as ``1.0``, and the usual words for a missing value.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence

from fkd_core.data.headers import header_of
from fkd_core.errors import UserError

FAR = (-96.0, 192.0)
"""Least and greatest coordinate in pixels that can be meant: one picture's width beyond it."""
LONGEST = 1 << 20
"""Bytes a row may have; a face's row has about 36,000."""
MISSING = frozenset((b"", b"nan", b"na", b"n/a", b"<na>", b"null", b"none", b"?"))
"""What programs write, in small or capital letters, where there is no value."""

_WHOLE = re.compile(rb"(\d{1,10})(?:\.0*)?")


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
        self._lines = _lines(name, chunks)
        self._lack = last_may_lack
        header = next((line for _, line in self._lines if line.strip()), None)
        if header is None:
            raise UserError(f"{name} is empty; download it again")
        self.columns = header_of(name, header, columns, optional)
        last = values is not None and self.columns[-1] == values[0]
        self._values = values[1] if values and last else None

    def rows(self) -> Iterator[tuple[int, list[bytes]]]:
        """(row number, one cell a column in the file's order); at least one, or UserError."""
        width, none = len(self.columns), True
        for row, line in self._lines:
            cells = self._quoted(row, line) if b'"' in line else line.split(b",")
            if len(cells) != width:
                if not line.strip():
                    continue
                if len(cells) == width - 1 and self._lack:
                    cells.append(b"")
                elif self._values is not None and len(cells) == width - 1 + self._values:
                    cells[width - 1 :] = [b" ".join(cells[width - 1 :])]
                else:
                    raise self._misfit(row, len(cells))
            none = False
            yield row, cells
        if none:
            raise UserError(f"{self.name} has a header but no rows; download it again")

    def _quoted(self, row: int, line: bytes) -> list[bytes]:
        """The cells of a row with quotes, which may go on in the next lines."""
        while line.count(b'"') % 2 and len(line) < LONGEST:
            following = next(self._lines, None)
            if following is None:
                raise self.error(row, self.columns[-1], "a quote is opened and never closed")
            line += b"\n" + following[1]
        before = csv.field_size_limit(2 * LONGEST)  # of the whole process
        try:
            (cells,) = csv.reader([line.decode("latin-1")], strict=True)
        except (csv.Error, ValueError) as error:
            problem = f"its quotes do not belong together ({error})"
            raise self.error(row, self.columns[-1], problem) from error
        finally:
            csv.field_size_limit(before)
        return [cell.encode("latin-1") for cell in cells]

    def _misfit(self, row: int, count: int) -> UserError:
        width = len(self.columns)
        if count < width:
            cause = "the row is cut short; download the file again"
        else:
            cause = "are there commas within its numbers, or two rows in one?"
        last = self.columns[min(count, width) - 1]
        return self.error(row, last, f"the row has {count} cells, wanted {width}: {cause}")

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
        raise self.error(row, column, f"{shown(cell)} is not a whole number from 0")

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
            raise self.error(row, column, f"{shown(cell)} is not a finite number")
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
                raise self.error(
                    row, column, f"{shown(cell)} is far outside the picture, {FAR[0]}..{FAR[1]}"
                )
        return value


def shown(cell: bytes) -> str:
    """A cell's beginning, fit for a message."""
    return repr(cell[:30].decode("utf-8", "backslashreplace"))


def _lines(name: str, chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line) for lines that end in LF, CR LF or CR."""
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
            raise UserError(f"{name}, row {count + 1}: the row does not end; is this a CSV file?")
    if rest := rest.rstrip(b"\r"):
        yield count + 1, rest
