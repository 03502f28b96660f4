"""CSV tables that people read and commands read again: one form for all of them.

Columns are named in lower case with underscores, so that ``frame.rmse_on_final`` works; numbers
have six digits, and what is not known is an empty cell.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fkd_core.errors import UserError
from fkd_core.files import write_text

Cells = Mapping[str, str]
"""A row as it is read: column to text, which is empty where nothing is known."""


def column(title: str) -> str:
    """The name of a column by its title.

    >>> column("RMSE on final"), column("missing (fold/seed)")
    ('rmse_on_final', 'missing_fold_seed')
    """
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def table_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """The rows as CSV: in these columns, or in all that rows have."""
    fullest = sorted(rows, key=len, reverse=True)  # some rows may lack some columns
    names = list(columns) or list(dict.fromkeys(name for row in fullest for name in row))
    cells = [{name: _rounded(row.get(name)) for name in names} for row in rows]
    frame = pd.DataFrame(cells, columns=names, dtype=object)
    return frame.to_csv(index=False, lineterminator="\n") if names else ""


def write_table(
    path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()
) -> None:
    """Writes a table whole or not at all; parents are created."""
    write_text(path, table_text(rows, columns))


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table, as text; none where there is no such file.

    A mark that a spreadsheet has put before the first name is left out. Raises UserError for a
    file that cannot be read, so that nothing is written over it.
    """
    if not path.exists():
        return []
    try:
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (OSError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read ({error}); mend it, or move it away") from error
    return [{name: cell for name, cell in row.items() if name is not None} for row in rows]


def rows_of(path: Path) -> list[dict[str, str]]:
    """The same for those who only look: no rows where the file cannot be read."""
    try:
        return read_table(path)
    except UserError:
        return []


def _rounded(cell: Any) -> Any:
    return float(f"{cell:.6g}") if isinstance(cell, float | np.floating) else cell
