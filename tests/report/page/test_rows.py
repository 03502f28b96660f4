"""Charts keep their words within themselves, however long they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import unescape

import pytest

from fkd_core.report.page.rows import Row, bars, whiskers

CHARACTER = 6.0
"""Units that a character takes at least, on average."""
LONGEST = "joint-plain16+plain16+plain24, joint: the ensemble's folds"


@pytest.mark.parametrize("chart", [bars, whiskers])
@pytest.mark.parametrize("label", ["lenet5", LONGEST])
@pytest.mark.parametrize("beside", ["1 min", "-0.450 (-0.550 .. -0.350) px"])
def test_all_words_of_a_chart_are_within_it(
    chart: Callable[[Sequence[Row], str, str], str], label: str, beside: str
) -> None:
    rows = [
        Row(label, 85.0, 80.0, 90.0, beside=beside),
        Row("plain", 8.0, 7.0, 9.0, beside=beside),
    ]
    drawings = re.findall(r"<svg.*?</svg>", chart(rows, "minutes", "time"))
    assert len(drawings) == 2, "for wide and for narrow windows"
    for svg in drawings:
        (width,) = re.findall(r'viewBox="0 0 (\d+) ', svg)
        texts = re.findall(r'<text [^>]*x="([\d.]+)"[^>]*anchor="(\w+)">(.*?)</text>', svg)
        texts = [(x, anchor, unescape(words)) for x, anchor, words in texts]
        assert label in " ".join(words for *_, words in texts), "broken into lines, and whole"
        assert [words for *_, words in texts].count(beside) == len(rows)
        for x, anchor, words in texts:
            long = CHARACTER * len(words)
            start = float(x) - {"start": 0, "middle": long / 2, "end": long}[anchor]
            assert start >= 0, words
            assert start + long <= float(width), words
