"""Files that hold something else than the competition's text, or hold it oddly: each is read
where it is sure, else its error says what it is."""

from __future__ import annotations

import bz2
import io
import lzma
import pickle
import sqlite3
import tarfile
from pathlib import Path

import numpy as np
import pytest
from competition_for_tests import (
    FILES,
    HEADER,
    LOOKUP,
    PIXELS,
    POINTS,
    RANDOM,
    ROWS,
    SAMPLE,
    TEST,
    text,
    write,
)

from fkd_core.data.archive import Stored
from fkd_core.data.kaggle import load_competition
from fkd_core.data.parsing import Parsed, parse_images, parse_lookup, parse_sample
from fkd_core.errors import UserError
from fkd_core.keypoints import COLUMNS

GOOD = text(HEADER, *ROWS)
BOM = b"\xef\xbb\xbf"
NOISE = np.random.default_rng(3).bytes(2 << 20)


def read(folder: Path, content: bytes, name: str = "training.csv") -> Parsed:
    (folder / name).write_bytes(content)
    columns = ("ImageId", "Image") if name == "test.csv" else (*COLUMNS, "Image")
    return parse_images(Stored(name, folder / name), columns)


def error_of(folder: Path, content: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read(folder, content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def tar() -> bytes:
    packed, member = io.BytesIO(), tarfile.TarInfo("training.csv")
    member.size = len(GOOD)
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(member, io.BytesIO(GOOD))
    return packed.getvalue()


def array() -> bytes:
    saved = io.BytesIO()
    np.save(saved, RANDOM)
    return saved.getvalue()


def database() -> bytes:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table faces (left_eye_center_x)")
        return connection.serialize()


KINDS = {
    "xz": (lzma.compress(GOOD), "packed with xz"),
    "bzip2": (bz2.compress(GOOD), "packed with bzip2"),
    "zstd": (b"\x28\xb5\x2f\xfd" + NOISE, "packed with Zstandard"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + NOISE, "a 7z archive"),
    "rar": (b"Rar!\x1a\x07\1\0" + NOISE, "a RAR archive"),
    "tar": (tar(), "a tar archive"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(999), "an old Excel or Office file"),
    "parquet": (b"PAR1\x15\4" + NOISE, "a Parquet file"),
    "arrow": (b"ARROW1\0\0" + NOISE, "an Arrow or Feather file"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(999), "an HDF5 file"),
    "sqlite": (database(), "an SQLite database"),
    "npy": (array(), "a NumPy array"),
    "pickle": (pickle.dumps([1, "a"]), "a Python pickle"),
    "old pickle": (pickle.dumps([1, "a"], 2), "a Python pickle"),
    "rtf": (b"{\\rtf1\\ansi\n", "an RTF document"),
    "shortcut": (b"[InternetShortcut]\r\nURL=https://a.example\r\n", "a link"),
    "conflict": (b"<<<<<<< HEAD\n" + GOOD, "marked by git with a conflict"),
    "page with a mark": (BOM + b"<!DOCTYPE html>\n<html>", "a web page"),
    "json with a mark": (BOM + b'{"code": 403}', "JSON"),
    "zeros": (bytes(2 << 20), "nothing but zero bytes"),
    "noise": (b"\1" + NOISE, "not a text file"),
    "utf-16": (GOOD.decode().encode("utf-16-be"), "text with zero bytes between (UTF-16?)"),
    "u+2028": (GOOD.replace(b"\n", "\u2028".encode()), "text whose lines end with U+2028 or NEL"),
    "nel": (GOOD.replace(b"\n", "\x85".encode()) * 9, "text whose lines end with U+2028 or NEL"),
}


@pytest.mark.parametrize("case", KINDS)
def test_a_file_of_another_kind_is_called_by_it(case: str, tmp_path: Path) -> None:
    content, kind = KINDS[case]
    assert error_of(tmp_path, content).startswith(f"training.csv is {kind}")


def pictures(form: str) -> bytes:
    """The good file with its pixels in another form."""
    rows = (" ".join(form.format(float(value)) for value in row) for row in RANDOM[:3])
    return text(HEADER, *(f"{POINTS},{row}" for row in rows))


def by_r(*numbers: int) -> bytes:
    """As R's write.table leaves it: numbered, under a header that has no cell for the numbers."""
    header = ",".join(f'"{name}"' for name in HEADER.split(","))
    rows = zip(numbers, ROWS, strict=True)
    return text(header, *(f'"{n}",{POINTS},"{row.rpartition(",")[2]}"' for n, row in rows))


COMMAS = "," * 30
SURE = {
    "two marks": BOM + BOM + GOOD,
    "sep line": b"sep=,\r\n" + GOOD,
    "quoted sep line": BOM + b'"sep=,"\n' + GOOD,
    "end mark of DOS": GOOD + b"\x1a",
    "rows of commas": text(HEADER, COMMAS, ROWS[0], COMMAS, ROWS[1], ROWS[2], COMMAS),
    "rows of quotes": text(HEADER, *ROWS, ",".join(['""'] * 31)),
    "commas ahead": text(COMMAS, HEADER, *ROWS),
    "commas at the end of rows": text(HEADER, *(f"{row}," for row in ROWS)),
    "more commas at the end of rows": text(HEADER, *(f"{row},,," for row in ROWS)),
    "commas at the end": text(f"{HEADER},", *(f"{row}," for row in ROWS)),
    "R": by_r(1, 2, 3),
    "R with gaps": by_r(1, 5, 9),
    "noise of floats": pictures("{:.5f}").replace(b".00000", b".00002"),
    "exponents": pictures("{:.18e}"),
}


@pytest.mark.parametrize("case", SURE)
def test_what_is_sure_is_read(case: str, tmp_path: Path) -> None:
    found = read(tmp_path, SURE[case])
    assert np.array_equal(found.images.reshape(3, -1), RANDOM[:3])
    assert found.points[:, 14, 1].tolist() == [44.5] * 3


@pytest.mark.parametrize(
    "word", ["#N/A", "#NA", "\\N", "-nan", "-NaN", "NaT", "1.#QNAN", "-1.#IND", '"#N/A"']
)
def test_more_words_for_a_missing_value(word: str, tmp_path: Path) -> None:
    found = read(tmp_path, with_first(word))
    assert np.isnan(found.points[0]).sum() == 1


def with_first(word: str) -> bytes:
    return text(HEADER, f"{word},{ROWS[0].partition(',')[2]}", ROWS[1])


def same(count: int, value: str = "7") -> bytes:
    return text(HEADER, f"{POINTS},{' '.join([value] * count)}")


def semicolons(row: str) -> str:
    return ";".join(cell.replace(".", ",") for cell in row.split(","))


UNSURE = {
    "mark alone": (BOM, "training.csv is empty"),
    "commas alone": (COMMAS.encode(), "training.csv is empty"),
    "three channels": (same(3 * 9216), "3 channels"),
    "four channels": (same(4 * 9216), "4 channels"),
    "95 x 96": (same(95 * 96), "a picture of 96 x 95"),
    "1000 x 1000": (same(1_200_000), "pictures larger than 96 x 96"),
    "comment": (text(HEADER, ROWS[0], "# by hand"), "row 3, column left_eye_center_x: the row"),
    "comment on top": (b"# by hand\n" + GOOD, "no header but a comment"),
    "rule": (text(HEADER, "-----+-----"), "no row but a comment"),
    "count of rows": (GOOD + b"(240 rows)\n", "a database's count of rows"),
    "zeros at the end": (GOOD + bytes(4096), "row 5, column left_eye_center_x: the row has 1"),
    "many zeros": (GOOD + bytes(2 << 20), "zero bytes: the file was damaged"),
    "conflict later": (text(HEADER, ROWS[0], "=======", ROWS[1]), "git's mark of a conflict"),
    "semicolons below": (
        text(HEADER, *(row.replace(",", ";") for row in ROWS)),
        "separated by semicolons, the header's by commas",
    ),
    "decimal commas below": (text(HEADER, semicolons(ROWS[0])), "holds a semicolon"),
    "two files": (GOOD + GOOD, "row 5, column left_eye_center_x: 'left_eye_center_x' is the head"),
    "two files with marks": (BOM + GOOD + BOM + GOOD, "is the header again"),
    "sep=;": (b"sep=;\n" + GOOD.replace(b",", b";"), "row 2: its cells are separated by semicol"),
    "semicolons": (semicolons(GOOD.decode()).encode(), "points within numbers"),
    "blanks": (by_r(1, 2, 3).replace(b",", b" "), "separated by blanks"),
    "decimal comma": (with_first('"66,5"'), "'66,5' is not a finite number; is this a decimal"),
    "R once": (by_r(1, 2, 3) + ROWS[0].encode(), "begin with a row number, this one does not"),
    "one cell more": (text(HEADER, f"1,{ROWS[0]}"), "a column that the header does not name"),
    "stray quotes": (with_first('"39"5'), "its quotes do not belong together"),
    "decimal comma and exponent": (with_first('"6,65E+01"'), "is this a decimal comma? Write a"),
    "larger pictures": (with_first("194.5"), "is it of a larger picture? Multiply all labels by"),
    "filler": (with_first("-999"), "where it stands for no value, leave the cell empty"),
    "dash": (with_first("-"), "where there is no value, leave the cell empty"),
    "hidden letter": (
        GOOD.replace(b"nose_tip_x", "nose_tip_x\u200b".encode()),
        "nose_tip_x is called 'nose_tip_x\\u200b' here",
    ),
}


@pytest.mark.parametrize("case", UNSURE)
def test_what_is_not_sure_is_told(case: str, tmp_path: Path) -> None:
    content, words = UNSURE[case]
    assert words in error_of(tmp_path, content)


@pytest.mark.parametrize("levels", [2, 4, 16])
@pytest.mark.parametrize("name", ["training.csv", "test.csv"])
def test_pixels_that_were_scaled_and_rounded_are_refused(
    name: str, levels: int, tmp_path: Path
) -> None:
    small = [" ".join(map(str, row)) for row in RANDOM // (256 // levels)]
    content = text(HEADER, *(f"{POINTS},{row}" for row in small))
    if name == "test.csv":
        content = text(TEST[0], *(f"{n},{row}" for n, row in enumerate(small)))
    with pytest.raises(UserError, match=rf"{name}: all pixels are {levels - 1} or less.*scaled"):
        read(tmp_path, content, name)


def test_test_pictures_of_one_colour_alone_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "test.csv").write_bytes(text(TEST[0], f"1,{' '.join(['0'] * 9216)}"))
    with pytest.raises(UserError, match=r"test\.csv: all pictures are of one colour"):
        load_competition(tmp_path, tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "line", "column"),
    [
        ("IdLookupTable.csv", "9,3,nose_tip_x,", "ImageId: 3"),
        ("SampleSubmission.csv", "9,0", "RowId: 9"),
    ],
)
def test_blank_rows_count_in_the_row_that_an_error_names(
    name: str, line: str, column: str, tmp_path: Path
) -> None:
    write(tmp_path)
    header, *rows = LOOKUP if name == "IdLookupTable.csv" else SAMPLE
    (tmp_path / name).write_bytes(text(header, "", rows[0], "", "", *rows[1:], ",,", line))
    with pytest.raises(UserError, match=rf"{name}, row 9, column {column}"):
        load_competition(tmp_path, tmp_path / "cache")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("3000000000,1,nose_tip_x,", r"RowId: '3000000000' is 2\*\*31 or more"),
        ('"1,001",1,nose_tip_x,', "RowId: '1,001' is not a whole number.*thousands. Write 1001$"),
        ("1,1,Nose_Tip_X,", "'Nose_Tip_X' is none .* did you mean 'nose_tip_x'"),
    ],
)
def test_a_cell_that_is_nearly_right_is_answered_with_the_right_one(
    row: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "IdLookupTable.csv"
    path.write_bytes(text(LOOKUP[0], row))
    with pytest.raises(UserError, match=words):
        parse_lookup(Stored("IdLookupTable.csv", path))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("other", FILES)
def test_files_under_each_others_names_are_told(name: str, other: str, tmp_path: Path) -> None:
    if name == other:
        return
    write(tmp_path)
    (tmp_path / name).write_bytes(FILES[other])
    with pytest.raises(UserError, match=f"{name}, row 1: these are the columns of {other}"):
        load_competition(tmp_path, tmp_path / "cache")


def test_an_id_is_not_told_to_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"ImageId: '' is not a whole number from 0$"):
        read(tmp_path, text(TEST[0], f",{PIXELS[0]}"), "test.csv")


def test_one_coordinate_is_not_asked_for_twice(tmp_path: Path) -> None:
    path = tmp_path / "IdLookupTable.csv"
    path.write_bytes(text(*LOOKUP, "9,1,nose_tip_x,"))
    with pytest.raises(UserError, match=r"row 5, column FeatureName: .* in row 2 already"):
        parse_lookup(Stored("IdLookupTable.csv", path))


def test_a_repeated_header_is_told_in_every_file(tmp_path: Path) -> None:
    path = tmp_path / "SampleSubmission.csv"
    path.write_bytes(text(*SAMPLE, *SAMPLE))
    with pytest.raises(UserError, match="row 5, column RowId: 'RowId' is the header again"):
        parse_sample(Stored("SampleSubmission.csv", path))


def test_an_open_quote_in_many_rows_is_found_in_time_and_in_its_column(tmp_path: Path) -> None:
    """Joined row by row, these took quadratic time: minutes."""
    path = tmp_path / "IdLookupTable.csv"
    rows = [f"{n},{n // 30},{COLUMNS[n % 30]}," for n in range(30_000)]
    path.write_bytes(text(LOOKUP[0], rows[0], '1,0,"left_eye_center_y,', *rows[2:]))
    with pytest.raises(UserError, match="row 3, column FeatureName: a quote is opened and never"):
        parse_lookup(Stored("IdLookupTable.csv", path))


def test_a_picture_keeps_its_dark_pixels(tmp_path: Path) -> None:
    """One bright pixel, and it is no scaled picture."""
    row = ["0"] * 9215 + ["16"]
    found = read(tmp_path, text(HEADER, f"{POINTS},{' '.join(row)}", f"{POINTS},{PIXELS[0]}"))
    assert found.images[0, -1, -1] == 16
