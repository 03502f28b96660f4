"""Photo after photo: in the order in which they are named, whatever an earlier run has found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fkd_core.photos import annotating
from fkd_core.photos.annotating import Annotator
from fkd_core.photos.records import Journal, Record, Shot
from fkd_core.sources import SOURCES


def test_photos_come_in_their_order_whatever_is_known_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / f"{name}.png" for name in "abcd"]
    for file in files:
        assert cv2.imwrite(str(file), np.zeros((40, 40), np.uint8))
    clock = [0.0]

    def slowly(photos: list[Any], *_: object) -> list[list[Any]]:
        clock[0] += 100.0  # so that all after the first wait
        return [[] for _ in photos]

    monkeypatch.setattr(annotating, "spotted", lambda *_: [])
    monkeypatch.setattr(annotating, "marked", slowly)
    monkeypatch.setattr(annotating.time, "monotonic", lambda: clock[0])
    journal = Journal(tmp_path / "out", {})
    journal.add(Record(Shot(files[2]), [], None))
    said: list[str] = []
    steps: list[tuple[str, float]] = []
    annotator = Annotator(
        lambda crops: pytest.fail("there is no face"),
        SOURCES["complete"],
        tmp_path / "out",
        Journal(tmp_path / "out", {}),
        0.5,
        None,
        said.append,
        lambda what, seconds: steps.append((what, seconds)),
    )
    found = [record.shot.file for record in annotator.run({file: file.stem for file in files})]
    assert found == files
    assert len(said) == 3, "what was known is not said again"
    assert steps == [(f"{n} of 4: searching {file}", 0.0) for n, file in enumerate(files, 1)]
    known = Journal(tmp_path / "out", {})
    assert all(known.known(Shot(file), "") for file in files)
