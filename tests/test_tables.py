"""Tables have one form, and come back as they were written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fkd_core.errors import UserError
from fkd_core.tables import column, read_table, rows_of, table_text, write_table


def test_a_table_has_plain_names_six_digits_and_empty_cells(tmp_path: Path) -> None:
    rows = [
        {"arm": "mean", "rmse": 1.23456789, "p": 1.23456789e-9, "faces": 1234567, "low": None},
        {"arm": "a, b", "rmse": float("nan"), "p": 1.0, "faces": None, "low": -0.5, "more": "x"},
    ]
    write_table(tmp_path / "new" / "arms.csv", rows)
    assert (tmp_path / "new" / "arms.csv").read_text().splitlines() == [
        "arm,rmse,p,faces,low,more",
        "mean,1.23457,1.23457e-09,1234567,,",
        '"a, b",,1.0,,-0.5,x',
    ]


def test_pandas_reads_what_is_written(tmp_path: Path) -> None:
    write_table(tmp_path / "arms.csv", [{"arm": "mean", "rmse": 1.5}, {"arm": "best"}])
    frame = pd.read_csv(tmp_path / "arms.csv")
    assert frame.rmse.tolist() == pytest.approx([1.5, float("nan")], nan_ok=True)


def test_a_table_without_rows_has_the_names_alone() -> None:
    assert table_text([], ("file", "x")) == "file,x\n"
    assert table_text([]) == ""


def test_rows_come_back_as_text(tmp_path: Path) -> None:
    path = tmp_path / "arms.csv"
    write_table(path, [{"arm": "größer", "rmse": 1.5, "low": None}])
    assert read_table(path) == [{"arm": "größer", "rmse": "1.5", "low": ""}]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"\xef\xbb\xbfarm,rmse\r\nmean,1\r\n", [{"arm": "mean", "rmse": "1"}]),
        (b"arm,rmse\nmean\n", [{"arm": "mean", "rmse": ""}]),
        (b"arm,rmse\nmean,1,2,3\n", [{"arm": "mean", "rmse": "1"}]),
        (b"arm\ngr\xf6\xdfer\n", [{"arm": "gr\ufffd\ufffder"}]),
        (b"", []),
    ],
    ids=["of a spreadsheet", "a short row", "a long row", "not UTF-8", "empty"],
)
def test_what_people_have_saved_again_is_read(
    content: bytes, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "arms.csv").write_bytes(content)
    assert read_table(tmp_path / "arms.csv") == rows


def test_there_are_no_rows_where_there_is_no_file(tmp_path: Path) -> None:
    assert read_table(tmp_path / "arms.csv") == []


@pytest.mark.parametrize("kind", ["a folder", "an endless cell"])
def test_a_file_that_cannot_be_read_is_refused_but_to_those_who_only_look(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "arms.csv"
    if kind == "a folder":
        path.mkdir()
    else:
        path.write_text(f"arm\n{'x' * 200_000}\n")
    with pytest.raises(UserError, match=r"arms\.csv: cannot be read .*move it away"):
        read_table(path)
    assert rows_of(path) == []


@pytest.mark.parametrize(
    ("title", "name"),
    [("RMSE by CV", "rmse_by_cv"), ("kept (fits)", "kept_fits"), ("p (Holm)", "p_holm")],
)
def test_a_column_is_named_by_its_title(title: str, name: str) -> None:
    assert column(title) == name
