"""A sheet says the same in a terminal, in a CSV file and on a page."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from rich.console import Console

from fkd_core.evidence import Estimate
from fkd_core.report.sheet import Sheet, text

ROWS = [
    {"arm": "mean", "rmse": Estimate(1.23456, 1.1, 1.4), "against": None, "faces": 12345},
    {
        "arm": "<best>",
        "rmse": Estimate(1.2, 1.0, 1.3),
        "against": Estimate(-0.03456, -0.1, 0.02),
        "faces": 7,
    },
]
SHEET = Sheet("arms", "What it scores", ROWS, "px")


def test_a_csv_has_three_columns_for_an_estimate_and_empty_cells_where_there_is_none(
    tmp_path: Path,
) -> None:
    SHEET.write(tmp_path)
    with open(tmp_path / "arms.csv", newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first == {
        "arm": "mean", "rmse": "1.23456", "rmse_low": "1.1", "rmse_high": "1.4", "against": "",
        "against_low": "", "against_high": "", "faces": "12345",
    }  # fmt: skip
    assert second["against_low"] == "-0.1"


def test_a_terminal_shows_every_cell() -> None:
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(SHEET.shown())
    shown = console.export_text()
    for words in ("mean", "1.235 (1.100..1.400)", "-0.035 (-0.100..0.020)", "12,345"):
        assert words in shown


def test_a_sheet_without_rows_is_empty_and_no_error(tmp_path: Path) -> None:
    Sheet("empty", "Nothing", []).write(tmp_path)
    assert (tmp_path / "empty.csv").exists()


@pytest.mark.parametrize(
    ("cell", "words"),
    [(None, ""), (float("nan"), ""), (0.12345, "0.123"), (1234, "1,234"), ("a", "a")],
)
def test_a_cell_reads_well(cell: object, words: str) -> None:
    assert text(cell) == words
