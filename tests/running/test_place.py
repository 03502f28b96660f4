"""Where Ray starts, and what a session leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import ray

from fkd_core.errors import UserError
from fkd_core.running.place import SHORT_FOLDER, Place


def test_a_session_leaves_the_latest_renderings_within_the_size_that_is_said(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path, cache_bytes=2500)
    for number in range(4):
        file = tmp_path / f"{number}.images.npy"
        file.write_bytes(bytes(1000))
        os.utime(file, (number, number))
    place.trim()
    assert {path.name for path in tmp_path.iterdir()} == {"2.images.npy", "3.images.npy"}


def test_ray_starts_where_tmpdir_is_too_long_for_its_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    long = tmp_path / ("x" * max(1, 120 - len(str(tmp_path))))
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    place = Place(tmp_path)
    assert place.folder == SHORT_FOLDER
    try:
        place.connect()
        assert ray.get(ray.put("there")) == "there"
    finally:
        ray.shutdown()
    monkeypatch.setenv("TMPDIR", "/short")
    assert place.folder == Path("/short/ray"), "a folder that is short enough is kept"


def test_a_temporary_folder_that_is_none_is_named_with_what_names_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/dev/null")
    with pytest.raises(UserError, match=r"start .*/dev/null/ray.*; name another folder"):
        Place(tmp_path).connect()
