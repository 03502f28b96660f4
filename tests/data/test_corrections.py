"""A table of corrected labels: what of it is refused, and in whose words."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from faces_for_tests import tiny_faces

from fkd_core.data.corrections import Corrections, apply_corrections, read_corrections
from fkd_core.data.grouping import digests
from fkd_core.errors import UserError
from fkd_core.keypoints import KEYPOINTS

FACES = tiny_faces(6, 2)
SHA256 = digests(FACES.images)
FIRST = SHA256[0].tobytes().hex()
LAST = SHA256[-1].tobytes().hex()
NOBODY = "ab" * 32
HEADER = "image,keypoint,x,y,version,source"
NOSE = KEYPOINTS.index("nose_tip")


def table(folder: Path, *lines: str) -> Corrections:
    path = folder / "fixes.csv"
    path.write_text("\n".join([HEADER, *lines, ""]))
    return read_corrections(path)


def apply(corrections: Corrections) -> tuple[np.ndarray, str]:
    return apply_corrections(corrections, FACES.points, FACES.source, SHA256)


def test_rows_that_fit_are_applied_and_the_others_counted(tmp_path: Path) -> None:
    found, note = apply(
        table(tmp_path, f"{FIRST},nose_tip,40,101.5,1,", f"{NOBODY},nose_tip,40,50,1,")
    )
    assert found[0, NOSE].tolist() == [40, 101.5], "a little outside the picture, as labels may be"
    assert "Corrected 1 labels" in note
    assert "1 fit no label here" in note


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"{NOBODY},nose_tip,40,50,1,", "no image is the one it names"),
        (f"{FIRST},nose_tip,40,50,1,partial", "no annotator marks the keypoint"),
        (f"{LAST},mouth_left_corner,40,50,1,", "no annotator marks the keypoint"),
    ],
)
def test_a_table_of_other_files_is_refused(line: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"fixes\.csv: none of its 1 rows fits.*{words}"):
        apply(table(tmp_path, line))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["F,nose_tip,191,50,1,"], "row 2, column x: '191' is over 10 px outside the picture"),
        (["F,nose_tip,40,50,1,", "L,nose_tip,40,-95,1,"], "row 3, column y: '-95' is over"),
        (["F,nose_tip,0.5,0.6,1,"], "within 3 px of the picture's corner"),
        (["F,nose_tip,0.1,-0.6,1,", "L,nose_tip,0.5,0.6,1,"], "within 3 px"),
        (["F,nose_tip,40,50,1,", "F,nose_tip,41,50,1,complete"], "row 3, column keypoint"),
        (["F,nose_tip,40,50,1,complete", "F,nose_tip,41,50,1,"], "row 3, column keypoint"),
        (["F,nose_tip,40,50,1,partial", "F,nose_tip,41,50,1,partial"], "row 3, column keypoint"),
    ],
)
def test_places_and_rows_that_cannot_be_meant(
    lines: list[str], words: str, tmp_path: Path
) -> None:
    named = [line.replace("F,", f"{FIRST},").replace("L,", f"{LAST},") for line in lines]
    with pytest.raises(UserError, match=words):
        table(tmp_path, *named)


def test_two_annotators_and_taking_away_may_stand_side_by_side(tmp_path: Path) -> None:
    found, note = apply(
        table(tmp_path, f"{FIRST},nose_tip,,,1,complete", f"{FIRST},nose_tip,,,1,partial")
    )
    assert np.isnan(found[0, NOSE]).all()
    assert "Corrected 1 labels" in note


@pytest.mark.parametrize(
    "content",
    ['{"image": 1}\n', "", "\n", f"{HEADER}\n", f"{HEADER}\n{FIRST},nose_tip\n"],
    ids=["json", "empty", "blank", "header alone", "cut short"],
)
def test_a_damaged_table_is_one_error(content: str, tmp_path: Path) -> None:
    path = tmp_path / "fixes.csv"
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        read_corrections(path)
    assert "download or save it again" in str(caught.value)
    assert "fixes.csv" in str(caught.value)


def test_a_packed_table_is_read_and_a_damaged_one_told(tmp_path: Path) -> None:
    packed = gzip.compress(f"{HEADER}\n{FIRST},nose_tip,40,50,1,\n".encode())
    path = tmp_path / "fixes.csv.gz"
    path.write_bytes(packed)
    assert [entry.x for entry in read_corrections(path).entries] == [40]
    path.write_bytes(packed[:-9])
    with pytest.raises(UserError, match=r"corrections .*fixes\.csv\.gz is damaged"):
        read_corrections(path)


@pytest.mark.parametrize("kind", ["pipe", "folder", "nothing"])
def test_what_is_no_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "fixes.csv"
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "folder":
        path.mkdir()
    with pytest.raises(UserError, match=r"fixes\.csv (is no file|can't be read: No such)"):
        read_corrections(path)
