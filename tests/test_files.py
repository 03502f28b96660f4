"""Files that appear whole or not at all, and folders that keep under a size."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from fkd_core.files import ABANDONED_AFTER, keep_under, read_json, whole_file


def _file(path: Path, size: int, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_the_least_recently_used_go_until_the_rest_fits(tmp_path: Path) -> None:
    old, older, new = (_file(tmp_path / str(age), 10, age) for age in (200, 300, 100))
    assert keep_under(tmp_path, 20) == 1
    assert (old.exists(), older.exists(), new.exists()) == (True, False, True)


def test_what_another_process_is_writing_counts_and_stays(tmp_path: Path) -> None:
    done = _file(tmp_path / "done", 10, 0)
    written = _file(tmp_path / ".a.0123.part", 10, 300)
    inside = _file(tmp_path / ".b.0123.part" / "c.npy", 10, 300)
    left = _file(tmp_path / ".d.0123.part", 10, ABANDONED_AFTER + 60)
    assert keep_under(tmp_path, 30) == 1
    assert [path.exists() for path in (done, written, inside, left)] == [True, True, True, False]
    assert keep_under(tmp_path, 20) == 1
    assert [path.exists() for path in (done, written, inside)] == [False, True, True]


def test_a_file_is_whole_though_its_folder_is_kept_under_a_size_meanwhile(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a") as aside:
        aside.write_bytes(b"whole")
        keep_under(tmp_path, 0)
    assert (tmp_path / "a").read_bytes() == b"whole"


@pytest.mark.parametrize("content", [None, b"{", b"\xff", b"[1]", b'"x"'])
def test_json_that_holds_no_object_is_an_empty_one(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    assert read_json(path) == {}
    path.write_text('{"a": 1}')
    assert read_json(path) == {"a": 1}
