"""What a session leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

from fkd_core.running.place import Place


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
