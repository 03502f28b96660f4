"""Figures, and how they are written: a page that needs no network, and a picture."""

from __future__ import annotations

import logging
import math
import statistics
import textwrap
from collections.abc import Sequence
from html import escape
from pathlib import Path

import plotly.graph_objects as go

from fkd_core.evidence.verdicts import (
    EQUIVALENT,
    HARMFUL,
    HELPFUL,
    NOT_CONFIRMED,
    UNDECIDED,
    Verdict,
)
from fkd_core.files import whole_file, write_text

# Okabe and Ito's palette, told apart by colour-blind readers as well; shapes say it a second time.
_LOOKS = {
    HELPFUL: ("#009E73", "circle"),
    HARMFUL: ("#D55E00", "x"),
    EQUIVALENT: ("#0072B2", "square"),
    UNDECIDED: ("#5f6368", "circle-open"),
}
_GREY = "#9aa0a6"
_ROW_PX, _MARGIN_PX, _LEFT_PX, _WIDTH_PX = 30, 235, 210, 1000
_SQUASHED = 6.0  # times the median reach of an interval: beyond it a row is drawn as an arrow
_CAPTION_COLUMNS = 135  # characters of the caption that fit a line

log = logging.getLogger(__name__)


def forest_figure(verdicts: Sequence[Verdict], title: str, subtitle: str) -> go.Figure:
    """One row a transform: its effect and 95% interval in px of RMSE, most helpful on top.

    Left of the line at 0 helps; the band is the effects too small to matter. Candidates that were
    not confirmed are listed in grey without a bar. `subtitle` is the caption: the command, code
    version, data fingerprint and seeds that made the figure.
    """
    confirmed = sorted((v for v in verdicts if v.effect is not None), key=lambda v: v.effect or 0)
    rows = [*confirmed, *(v for v in verdicts if v.effect is None)]
    position = {id(verdict): row for row, verdict in enumerate(rows)}
    edge = _edge(confirmed)
    figure = go.Figure()
    for name, (colour, symbol) in _LOOKS.items():
        members = [v for v in confirmed if v.verdict == name]
        if not members:
            continue
        effects = [v.effect or 0.0 for v in members]
        above = [(v.high or 0.0) - e for v, e in zip(members, effects, strict=True)]
        below = [e - (v.low or 0.0) for v, e in zip(members, effects, strict=True)]
        figure.add_scatter(
            x=effects,
            y=[position[id(v)] for v in members],
            error_x={"array": above, "arrayminus": below, "thickness": 2, "width": 5},
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 11},
            cliponaxis=True,
            name=name,
            hovertext=[_hover(v) for v in members],
            hoverinfo="text",
        )
    zones = [v.zone for v in confirmed if v.zone]
    zone = sum(zones) / len(zones) if zones else 0.0
    figure.add_vrect(-zone, zone, fillcolor="#0072B2", opacity=0.10, line_width=0, layer="below")
    figure.add_vline(0, line_color="#202124", line_width=1)
    for row, verdict in enumerate(rows):
        if verdict.effect is not None and abs(verdict.effect) > edge:
            side = 1 if verdict.effect > 0 else -1
            figure.add_annotation(
                x=0.97 * side * edge, y=row, ax=-45 * side, ay=0, text="", showarrow=True,
                arrowcolor=_LOOKS[verdict.verdict][0], arrowwidth=2, arrowhead=2,
            )  # fmt: skip
        figure.add_annotation(
            x=1.01, xref="paper", y=row, xanchor="left", text=_beside(verdict), showarrow=False,
            font={"color": _LOOKS.get(verdict.verdict, (_GREY,))[0], "size": 13},
        )  # fmt: skip
    figure.update_layout(
        title={"text": escape(title), "x": 0.01, "font": {"size": 20}},
        template="plotly_white",
        width=_WIDTH_PX,
        height=_MARGIN_PX + _ROW_PX * max(4, len(rows)),
        margin={"l": _LEFT_PX, "r": 215, "t": 95, "b": 140},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        showlegend=bool(confirmed),
        font={"size": 13, "color": "#202124"},
    )
    figure.add_annotation(
        x=0, xref="paper", xanchor="left", xshift=12 - _LEFT_PX, y=0, yref="paper", yanchor="top",
        yshift=-72, align="left", text=_wrapped(subtitle), showarrow=False,
        font={"size": 11, "color": "#5f6368"},
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[_label(verdict) for verdict in rows],
        range=[len(rows) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
    )
    starred = " · * no verdict: its note in the table says why" * any(v.note for v in rows)
    figure.update_xaxes(
        range=[-edge, edge],
        title_text="← helps   ·   change of held-out RMSE, px (95% interval)   ·   harms →"
        f"<br><sup>band: too small to matter, under {zone:.3f} px{starred}</sup>",
        zeroline=False,
    )
    return figure


def write_figure(figure: go.Figure, stem: Path) -> list[Path]:
    """Writes ``stem.html``, which needs no network, and ``stem.png``; returns what was written.

    The picture needs a Chrome or Chromium on the machine; without one only the page is written.
    """
    page = stem.with_name(stem.name + ".html")
    write_text(page, figure.to_html(include_plotlyjs=True, full_html=True))
    picture = stem.with_name(stem.name + ".png")
    try:
        import kaleido

        size = {"width": figure.layout.width, "height": figure.layout.height, "scale": 2}
        content = kaleido.calc_fig_sync(
            figure,
            opts={"format": "png", **{k: v for k, v in size.items() if v is not None}},
            # without this the browser is told to fetch MathJax from the network
            kopts={"mathjax": False, "timeout": 60},
        )
    except Exception as wrong:  # a picture is a convenience: no browser's trouble may end a run
        log.info("no %s: %s", picture.name, str(wrong).strip().splitlines()[:1])
        picture.unlink(missing_ok=True)  # one of an earlier run would show other data
        return [page]
    with whole_file(picture) as aside:
        aside.write_bytes(content)
    return [page, picture]


def _edge(confirmed: Sequence[Verdict]) -> float:
    """Where the axis ends, px: wide enough for all but what would squash the rest to a point.

    The harmful control is a hundred times the size of a real effect; an arrow points to it.
    """
    reach = [max(abs(v.low or 0.0), abs(v.high or 0.0)) for v in confirmed]
    reach = [r for r in reach if math.isfinite(r)]
    if not reach:
        return 1.0
    usual = _SQUASHED * statistics.median_low(reach)
    return 1.08 * max(r for r in reach if r <= usual) or 1.0


def _label(verdict: Verdict) -> str:
    strength = "" if verdict.strength is None else f" ({verdict.strength:.2g})"
    text = escape(verdict.transform.replace("_", " ") + strength)
    return f'<span style="color:{_GREY}">{text}</span>' if verdict.effect is None else text


def _beside(verdict: Verdict) -> str:
    if verdict.effect is None:
        return "not confirmed" if verdict.verdict == NOT_CONFIRMED else escape(verdict.verdict)
    return f"{verdict.effect:+.3f} px  {escape(verdict.verdict)}{' *' if verdict.note else ''}"


def _hover(verdict: Verdict) -> str:
    lines = [
        f"<b>{escape(verdict.transform)}</b>: {verdict.verdict}",
        f"effect {verdict.effect:+.4f} px, 95% [{verdict.low:+.4f}, {verdict.high:+.4f}]",
        f"p (Holm) {verdict.p_holm:.3g}, {verdict.pairs} pairs",
    ]
    return "<br>".join([*lines, escape(verdict.note)] if verdict.note else lines)


def _wrapped(caption: str) -> str:
    lines = [
        part for line in caption.splitlines() for part in textwrap.wrap(line, _CAPTION_COLUMNS)
    ]
    return "<br>".join(map(escape, lines))
