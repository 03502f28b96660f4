"""Shown: a table that a terminal of any width shows whole.

Where its columns fit, words wrapped between lines but nothing cut, it is a table; where they do
not, each row is a block of ``name: value``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_NUMBER = re.compile(r"[-+<]?\d")
_GAP = "   "  # between the values of a block


@dataclass(frozen=True)
class Shown:
    """Everything is shown as it is, whatever brackets it has."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    styles: Sequence[str | None] = ()
    """Of the rows; none for all of them where it is empty."""

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        widths = self._widths(options.max_width)
        if widths is None:
            yield from self._blocks(options.max_width)
            return
        table = Table(title=Text(self.title, "table.title"), title_justify="left")
        table.caption = Text(self.note, "table.caption") if self.note else None
        table.caption_justify = "left"
        for number, (name, width) in enumerate(zip(self.columns, widths, strict=True)):
            table.add_column(
                Text(name),
                justify="right" if self._numeric(number) else "left",
                width=width,
                overflow="fold",
            )
        for row, style in zip(self.rows, self._styles, strict=True):
            table.add_row(*map(Text, row), style=style)
        yield table

    @property
    def _styles(self) -> Sequence[str | None]:
        return self.styles or [None] * len(self.rows)

    def _numeric(self, number: int) -> bool:
        """Whether all cells of this column are numbers, whatever follows them."""
        cells = [row[number] for row in self.rows]
        return all(_NUMBER.match(cell) for cell in cells if cell) and any(cells)

    def _widths(self, most: int) -> list[int] | None:
        """Of the columns, so that no word and no cell of numbers is cut; None where they are wider
        than `most` together."""
        whole, least = [], []
        for number, name in enumerate(self.columns):
            cells = [row[number] for row in self.rows]
            whole.append(max(map(len, [name, *cells])))
            parts = cells if self._numeric(number) else [w for cell in cells for w in cell.split()]
            least.append(max(map(len, [*name.split(), *parts]), default=0))
        room = most - 3 * len(whole) - 1
        spare = room - sum(least)
        if spare < 0:
            return None
        wished = [a - b for a, b in zip(whole, least, strict=True)]
        share = min(1.0, spare / sum(wished)) if sum(wished) else 0.0
        return [b + int(share * more) for b, more in zip(least, wished, strict=True)]

    def _blocks(self, width: int) -> Iterator[RenderableType]:
        yield Text(self.title, style="italic")
        for row, style in zip(self.rows, self._styles, strict=True):
            head = f"{self.columns[0]} {row[0]}" if self._numeric(0) else row[0]
            yield Text(head, style=f"bold {style or ''}".strip(), overflow="fold")
            line = ""
            for name, cell in zip(self.columns[1:], row[1:], strict=True):
                if not cell:
                    continue
                pair = f"{name}: {cell}"
                if line and len(line) + len(_GAP) + len(pair) > width - 2:
                    yield _indented(line)
                    line = ""
                line = f"{line}{_GAP}{pair}" if line else pair
            if line:
                yield _indented(line)
        if self.note:
            yield Text(self.note, style="italic")


def _indented(line: str) -> Padding:
    return Padding(Text(line, overflow="fold"), (0, 0, 0, 2))
