"""The forest plot shows each verdict where it belongs, with or without a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fkd_core.evidence import Verdict
from fkd_core.report.figures import forest_figure, write_figure


def confirmed(name: str, verdict: str, effect: float, note: str = "") -> Verdict:
    return Verdict(
        name, 0.5, verdict, effect, effect - 0.05, effect + 0.05, 0.01, 6, 0.02, 3.0, effect, 0.4,
        0.06, 0.9, note,
    )  # fmt: skip


VERDICTS = [
    confirmed("shear", "undecided", -0.03, note="the signs disagree"),
    Verdict("gamma", 0.25, "undecided (not confirmed)", None, None, None, None, 0),
    confirmed("coarse_dropout", "harmful", 0.2),
    confirmed("rotation", "helpful", -0.2),
]
CAPTION = (
    "python experiments/search_augment.py --seed 0 · code 1a2b3c4 · data 0123 · seeds 100-105"
)


def texts(figure: object) -> str:
    return json.dumps(json.loads(figure.to_json()), ensure_ascii=False)  # type: ignore[attr-defined]


def test_rows_run_from_most_helpful_to_most_harmful_and_end_with_the_unconfirmed() -> None:
    labels = forest_figure(VERDICTS, "t", "s").layout.yaxis.ticktext
    names = [re.sub(r"<[^>]*>", "", label) for label in labels]
    assert names == ["rotation (0.5)", "shear (0.5)", "coarse dropout (0.5)", "gamma (0.25)"]


def test_each_verdict_has_its_colour_and_helpful_is_green_on_the_left() -> None:
    traces = {trace.name: trace for trace in forest_figure(VERDICTS, "t", "s").data}
    assert traces.keys() == {"helpful", "harmful", "undecided"}
    assert len({trace.marker.color for trace in traces.values()}) == 3
    helpful = traces["helpful"]
    assert helpful.marker.color == "#009E73"
    assert helpful.x == (-0.2,)
    assert helpful.error_x.array == pytest.approx([0.05])
    assert helpful.error_x.arrayminus == pytest.approx([0.05])


def test_the_band_is_the_zone_that_verdicts_were_given_by() -> None:
    band = forest_figure(VERDICTS, "t", "s").layout.shapes[0]
    assert (band.x0, band.x1) == pytest.approx((-0.06, 0.06))


def test_title_and_caption_are_shown_as_written() -> None:
    shown = texts(forest_figure(VERDICTS, "a < b", CAPTION))
    assert "a &lt; b" in shown
    assert CAPTION in shown.replace("<br>", " ")


def test_a_huge_effect_does_not_squash_the_others() -> None:
    huge = confirmed("mirror_without_swap", "harmful", 11.0)
    figure = forest_figure([*VERDICTS, huge], "t", "s")
    assert figure.layout.xaxis.range[1] < 0.5
    assert "+11.000 px" in texts(figure)
    assert any(note.showarrow for note in figure.layout.annotations)


def test_nothing_confirmed_is_a_figure_too() -> None:
    figure = forest_figure([VERDICTS[1]], "t", "s")
    assert len(figure.data) == 0
    assert "not confirmed" in texts(figure)
    assert len(forest_figure([], "t", "s").data) == 0


def test_the_page_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kaleido.calc_fig_sync", lambda *a, **k: b"picture")
    written = write_figure(forest_figure(VERDICTS, "t", CAPTION), tmp_path / "new" / "forest")
    assert written == [tmp_path / "new" / "forest.html", tmp_path / "new" / "forest.png"]
    page = written[0].read_text("utf-8")
    assert len(page) > 1_000_000
    assert not re.search(r"<(script|link|img)[^>]+(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert sorted(tmp_path.rglob("*")) == sorted([tmp_path / "new", *written])


def test_without_a_browser_the_page_alone_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no-browser"))
    (tmp_path / "forest.png").write_bytes(b"of an earlier run")
    written = write_figure(forest_figure(VERDICTS, "t", CAPTION), tmp_path / "forest")
    assert written == [tmp_path / "forest.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["forest.html"]


def test_with_a_browser_the_picture_is_a_png(tmp_path: Path) -> None:
    written = write_figure(forest_figure(VERDICTS, "t", CAPTION), tmp_path / "forest")
    if len(written) == 1:
        pytest.skip("no Chrome or Chromium on this machine")
    assert written[1].read_bytes().startswith(b"\x89PNG")
