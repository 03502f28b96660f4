"""Sheet: one table for a terminal and a CSV file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fkd_core.evidence import Estimate
from fkd_core.report.shown import Shown
from fkd_core.tables import column, write_table


@dataclass(frozen=True)
class Sheet:
    """Rows of one form. A cell is text, a number, None (empty) or an Estimate."""

    name: str
    """Of its file."""
    title: str
    rows: Sequence[Mapping[str, Any]]
    """Column name to cell, in order; all rows have the columns of the first."""
    note: str = ""
    """A sentence below the table."""

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return list(self.rows[0]) if self.rows else []

    def shown(self) -> Shown:
        """For a terminal."""
        rows = [[text(row[name]) for name in self.columns] for row in self.rows]
        return Shown(self.title, self.columns, rows, self.note)

    def write(self, folder: Path) -> None:
        """As ``<name>.csv``; an Estimate fills three columns: itself, its `low` and its `high`."""
        write_table(folder / f"{self.name}.csv", [_flat(row) for row in self.rows])


def text(cell: Any) -> str:
    """A cell as people read it: pixels to a thousandth, whole numbers in groups of three."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, Estimate):
        return f"{cell.value:.3f} ({cell.low:.3f}..{cell.high:.3f})"
    if isinstance(cell, float):
        return f"{cell:.3f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for title, cell in row.items():
        name = column(title)
        flat[name] = cell
        if isinstance(cell, Estimate):
            flat |= {name: cell.value, f"{name}_low": cell.low, f"{name}_high": cell.high}
    return flat
