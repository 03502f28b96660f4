"""Files that people's programs saved again: read where they are sure, else explained."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from competition_for_tests import HEADER, LOOKUP, PIXELS, POINTS, ROWS, SAMPLE, TEST, text, write

from fkd_core.data.kaggle import Competition, load_competition
from fkd_core.errors import UserError

Change = Callable[[str], str]


def pixels(change: Change) -> Change:
    """Every row's last cell, changed."""

    def everywhere(content: str) -> str:
        header, *rows = content.splitlines()
        cells = [row.rpartition(",") for row in rows]
        return "\n".join([header, *(f"{ahead},{change(last)}" for ahead, _, last in cells)]) + "\n"

    return everywhere


def numbered(name: str) -> Change:
    """A first column of row numbers under this name, as pandas writes its index."""

    def with_index(content: str) -> str:
        header, *rows = content.splitlines()
        lines = [f"{name},{header}", *(f"{place},{row}" for place, row in enumerate(rows))]
        return "\n".join(lines) + "\n"

    return with_index


SURE: dict[str, Change] = {
    "pixels as floats": pixels(lambda row: row.replace(" ", ".0 ") + ".0"),
    "pixels as short floats": pixels(lambda row: row.replace(" ", ". ") + "."),
    "pixels in brackets": pixels(lambda row: f"[{row}]"),
    "pixels as a quoted list": pixels(lambda row: f'"[{row.replace(" ", ", ")}]"'),
    "pixels in quotes": pixels(lambda row: f'"{row.split()}"'),
    "pixels in rows": pixels(
        lambda row: f'"{[row.split()[k : k + 96] for k in range(0, 9216, 96)]}"'
    ),
    "pixels as an open list": pixels(lambda row: row.replace(" ", ",")),
    "pixels in several lines": pixels(
        lambda row: '"[' + re.sub(r"((?:\S+ ){16})", "\\1\n", row) + ']"'
    ),
    "nameless index": numbered(""),
    "named index": numbered("Unnamed: 0"),
    "index": numbered("index"),
    "Arrow's index": numbered("__index_level_0__"),
    "R's numbers, read and written": numbered("X"),
    "readr's numbers": numbered("...1"),
    "old Mac lines": lambda content: content.replace("\n", "\r"),
    "blank rows": lambda content: content.replace("\n", "\n\n"),
    "all cells quoted": lambda content: "".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in content.splitlines()
    ),
}


def same(one: Competition, other: Competition) -> bool:
    assert one.test_images is not None
    assert other.test_images is not None
    assert one.test_ids is not None
    assert other.test_ids is not None
    return (
        one.training.fingerprint == other.training.fingerprint
        and np.array_equal(one.test_images, other.test_images)
        and np.array_equal(one.test_ids, other.test_ids)
    )


@pytest.mark.parametrize("form", SURE)
def test_other_ways_to_write_the_same_read_alike(form: str, tmp_path: Path) -> None:
    write(tmp_path / "plain")
    write(tmp_path / "other")
    for name in ("training.csv", "test.csv"):
        file = tmp_path / "other" / name
        file.write_bytes(SURE[form](file.read_text()).encode())
    limit = csv.field_size_limit()
    assert same(
        load_competition(tmp_path / "plain", tmp_path / "cache"),
        load_competition(tmp_path / "other", tmp_path / "cache"),
    )
    assert csv.field_size_limit() == limit, "the process's own, which other readers rely on"


@pytest.mark.parametrize("word", ["", " ", "NaN", "nan", "NA", "N/A", "null", "None", "?", '""'])
def test_words_for_a_missing_value(word: str, tmp_path: Path) -> None:
    write(tmp_path / "data")
    cells = ROWS[0].split(",")
    cells[4:6] = word, word
    (tmp_path / "data" / "training.csv").write_bytes(text(HEADER, ",".join(cells), *ROWS[1:]))
    lookup = [f"{line.rstrip(',')},{word}" for line in LOOKUP[1:]]
    (tmp_path / "data" / "IdLookupTable.csv").write_bytes(text(LOOKUP[0], *lookup))
    found = load_competition(tmp_path / "data", tmp_path / "cache")
    assert np.isnan(found.training.points[0]).all(axis=1).nonzero()[0].tolist() == [2]
    assert found.lookup is not None
    assert found.lookup.row_id.tolist() == [1, 2, 3]


def test_whole_numbers_with_a_point(tmp_path: Path) -> None:
    write(tmp_path / "data")
    (tmp_path / "data" / "test.csv").write_bytes(
        text(TEST[0], *(line.replace(",", ".0,", 1) for line in TEST[1:]))
    )
    lookup = [re.sub(r"^(\d+),(\d+)", r"\1.0,\2.00", line) for line in LOOKUP[1:]]
    (tmp_path / "data" / "IdLookupTable.csv").write_bytes(text(LOOKUP[0], *lookup))
    sample = [line.replace(",", ".,") for line in SAMPLE[1:]]
    (tmp_path / "data" / "SampleSubmission.csv").write_bytes(text(SAMPLE[0], *sample))
    found = load_competition(tmp_path / "data", tmp_path / "cache")
    assert found.test_ids is not None
    assert found.lookup is not None
    assert found.test_ids.tolist() == [1, 7]
    assert found.lookup.image_id.tolist() == [1, 1, 7]


def shortened(row: str) -> str:
    first = row.split(" ", 3)[:3]
    return f"[{' '.join(first)} ... {' '.join(first)}]"


GOOD = text(HEADER, *ROWS).decode()
THREE_DIGITS = " ".join(["123"] * 9216)
UNSURE: dict[str, tuple[bytes, str]] = {
    "semicolons": (GOOD.replace(",", ";").encode(), "separated by semicolons"),
    "tabs": (GOOD.replace(",", "\t").encode(), "separated by tabs"),
    "decimal commas": (GOOD.replace(",", ";").replace(".", ",").encode(), "by semicolons"),
    "capital names": (
        text(HEADER.upper(), *ROWS),
        "left_eye_center_x is called 'LEFT_EYE_CENTER_X'",
    ),
    "git lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n",
        "Git LFS pointer",
    ),
    "web page": (b"<!DOCTYPE html>\n<html><body>log in</body></html>", "web page"),
    "indented page": (b"\n\n  <html>\n", "web page"),
    "json": (b'{"code": 403}\n', "JSON"),
    "spreadsheet": (b"PK\x03\x04" + b"\n" * 9, "spreadsheet"),
    "gzip": (gzip.compress(GOOD.encode()), "gunzip"),
    "cut in its pixels": (
        text(HEADER, ROWS[0], ROWS[1][:-300]),
        "row 3, column Image: 9",
    ),
    "cut by a spreadsheet": (
        text(HEADER, f"{POINTS},{THREE_DIGITS[:32_767]}"),
        "spreadsheets cut cells at 32,767",
    ),
    "two rows in one": (text(HEADER, f"{ROWS[0]} {PIXELS[1]}"), "two rows in one"),
    "small pictures": (text(HEADER, f"{POINTS},{' '.join(['7'] * 2304)}"), "48 x 48"),
    "shortened by NumPy": (text(HEADER, f"{POINTS},{shortened(PIXELS[0])}"), "shortened"),
    "scaled": (text(HEADER, f"{POINTS},{' '.join(['0.25'] * 9216)}"), "were they scaled"),
    "no picture": (text(HEADER, f"{POINTS},NaN"), "there is no picture"),
    "open quote": (text(HEADER, f'{POINTS},"{PIXELS[0]}'), "never closed"),
    "commas in numbers": (text(HEADER, f"66,5,{ROWS[0]}"), "commas within its numbers"),
    "too few cells": (text(HEADER, ROWS[0].split(",", 1)[1]), "cut short"),
}


@pytest.mark.parametrize("case", UNSURE)
def test_what_is_not_sure_is_one_error_with_its_likely_cause(case: str, tmp_path: Path) -> None:
    content, words = UNSURE[case]
    write(tmp_path)
    (tmp_path / "training.csv").write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_competition(tmp_path, tmp_path / "cache")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_two_faults_share_their_words(tmp_path: Path) -> None:
    said = {}
    for case, (content, _) in UNSURE.items():
        (tmp_path / "training.csv").write_bytes(content)
        with pytest.raises(UserError) as caught:
            load_competition(tmp_path, tmp_path / "cache")
        said[case] = re.sub(r"\d+", "0", str(caught.value).split(":", 1)[-1])
    twins = ("decimal commas", "indented page")
    assert len({words for case, words in said.items() if case not in twins}) == len(said) - 2
