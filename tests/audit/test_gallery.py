"""The gallery as a person uses it, in a real browser; what it saves is read back."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_for_tests import MISSING, SECONDS, Browser, browser
from planted import planted

from fkd_core.audit.gallery import write_gallery
from fkd_core.audit.suspects import Suspect, ranked
from fkd_core.data.corrections import apply_corrections, read_corrections
from fkd_core.data.faces import Faces
from fkd_core.data.grouping import digests
from fkd_core.keypoints import KEYPOINTS

pytestmark = pytest.mark.skipif(MISSING, reason="no Chromium with its driver here")
Shown = tuple[list[Suspect], Faces, Path]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The first of 120 faces with 4 points, and their page."""
    there = planted("partial", n=120, each=1)
    suspects = ranked({"partial": there.table}, there.faces)[:6]
    page = tmp_path_factory.mktemp("audit") / "gallery.html"
    write_gallery(page, suspects, there.faces, "audit-1", "made by </script> a test")
    return suspects, there.faces, page


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Path]]:
    downloads = tmp_path_factory.mktemp("downloads")
    with browser(downloads) as open_window:
        yield open_window, downloads


@pytest.fixture
def page(shown: Shown, window: tuple[Browser, Path]) -> Browser:
    """The page as nobody has decided anything yet."""
    opened, _ = window
    opened.open(shown[2])
    opened.run("localStorage.clear(); location.reload()")
    return opened


def at(page: Browser, k: int) -> tuple[float, float]:
    """Where in the window a label is."""
    x, y = page.run(
        f"const r = document.querySelector('[data-k=\"{k}\"]').getBoundingClientRect();"
        "return [r.x + r.width / 2, r.y + r.height / 2]"
    )
    return x, y


def table(page: Browser) -> list[dict[str, str]]:
    return list(csv.DictReader(page.run("return table()").splitlines()))


def test_a_dragged_label_is_saved_and_taken_for_the_correction(
    shown: Shown, window: tuple[Browser, Path], page: Browser
) -> None:
    suspects, faces, _ = shown
    first, second = suspects[:2]
    k = int(np.flatnonzero(np.isfinite(first.given[:, 0]))[0])
    start = at(page, k)
    px = page.run("return document.getElementById('face').getScreenCTM().a")
    page.drag(start, (start[0] + 60, start[1] - 30))
    page.keys("Escape", "Right", "a")
    page.keys("s")
    saved = window[1] / "label_corrections.csv"
    deadline = time.monotonic() + SECONDS
    while not saved.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    corrections = read_corrections(saved)
    assert corrections.version == "audit-1"
    points, note = apply_corrections(
        corrections, faces.points, faces.source, digests(faces.images)
    )
    assert points[first.face, k] == pytest.approx(
        first.given[k] + np.array([60, -30]) / px, abs=0.5
    )
    wrong = list(second.keypoints)
    assert points[second.face, wrong] == pytest.approx(second.proposed[wrong], abs=1e-2)
    touched = np.any(~np.isclose(points, faces.points, equal_nan=True), axis=(1, 2))
    assert set(np.flatnonzero(touched)) == {first.face, second.face}
    assert f"Corrected {1 + len(wrong)} labels" in note


def test_keys_decide_and_the_browser_keeps_it(shown: Shown, page: Browser) -> None:
    suspects, _, path = shown
    page.keys("d", "r")  # the first is fine, the second is taken away
    rows = table(page)
    assert {row["image"] for row in rows} == {suspects[1].image}
    assert sorted(row["keypoint"] for row in rows) == sorted(
        KEYPOINTS[k] for k in suspects[1].keypoints
    )
    assert all(row["x"] == row["y"] == "" for row in rows)
    assert page.run("return document.getElementById('where').textContent") == "3 of 6"
    page.open(path)
    assert table(page) == rows
    page.keys("Right", "u")
    assert table(page) == []


def test_a_label_is_moved_by_keys_too(shown: Shown, page: Browser) -> None:
    first = shown[0][0]
    k = int(np.flatnonzero(np.isfinite(first.given[:, 0]))[0])
    page.run(f"document.querySelector('[data-k=\"{k}\"]').focus()")
    page.keys("Right", "Right")
    (row,) = table(page)
    assert row["keypoint"] == KEYPOINTS[k]
    assert float(row["x"]) == pytest.approx(first.given[k][0] + 1, abs=0.02)
    assert row["row"] == str(first.row)


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_window(page: Browser, width: int) -> None:
    page.resize(width, 1000)
    inner, wide = page.run("return [innerWidth, document.documentElement.scrollWidth]")
    page.resize(1400, 1000)
    assert wide <= inner


def test_the_page_needs_no_network_and_says_what_made_it(shown: Shown, page: Browser) -> None:
    text = shown[2].read_text()
    addresses: list[Any] = page.run(
        "return performance.getEntriesByType('resource').map(each => each.name)"
    )
    assert not [each for each in addresses if not each.startswith("data:")]
    assert "https://" not in text
    assert page.run("return document.getElementById('made').textContent") == (
        "made by </script> a test"
    )
