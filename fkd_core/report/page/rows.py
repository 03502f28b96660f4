"""Charts of labelled rows: dots with whiskers, and bars."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fkd_core.report.page.drawing import EM, NARROW, axis_x, both, line, svg, text
from fkd_core.report.page.scale import Scale, spanning

_LINE = 15  # height of a line of text


@dataclass(frozen=True)
class Row:
    """A value with its interval, or a bar's length, and the words on both sides of it."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    look: str = "same"
    """A colour of the style: good, bad, same, unsure."""
    beside: str = ""
    told: str = ""
    """Shown where a pointer rests."""


def whiskers(
    rows: Sequence[Row],
    axis: str,
    said: str,
    *,
    zero: bool = False,
    band: float = 0.0,
    edge: float | None = None,
) -> str:
    """One row a value: its dot and interval. With `zero` there is a line at 0 and the band around
    it; with `edge` the axis ends there, and an arrow points to what lies beyond."""

    def draw(width: int) -> str:
        atop, stacked, more = _arranged(rows, width, 330)
        step = more + (58 if stacked else 42 if atop else 30)
        left = 12 if atop else _beside([row.label for row in rows], 330)
        right = 12 if atop else _beside([row.beside for row in rows], 300)
        tall = 12 + step * len(rows) + 44
        known = [v for row in rows for v in (row.value, row.low, row.high) if v is not None]
        if zero:
            known += [0.0, band, -band]
        if edge is not None:
            known = [min(max(v, -edge), edge) for v in known]
        x = spanning(known, left, width - right)
        floor = tall - 44
        parts = [axis_x(x, floor, axis, width, most=4 if width == NARROW else 7)]
        if zero and band:
            parts.append(
                f'<rect class="band" x="{x(-band):.1f}" y="6" '
                f'width="{x(band) - x(-band):.1f}" height="{floor - 6}"/>'
            )
        if zero:
            parts.append(line(x(0), 6, x(0), floor, "axis"))
        for place, row in enumerate(rows):
            y = 12 + step * (place + 0.5) + more / 2 + (17 if stacked else 9 if atop else 0)
            soft = "" if row.value is not None else " soft"
            above = y - 13 if atop else y + 4
            top = above - 16 if stacked else above
            parts += _label(row, 4 if atop else left - 10, top, atop, width, f"label{soft}")
            if row.beside:
                at = 4 if stacked else width - 4 if atop else width - right + 10
                anchor = "end" if atop and not stacked else "start"
                parts.append(text(at, above, row.beside, anchor, f"t-{row.look}"))
            if row.value is not None:
                parts.append(_whisker(x, y, row))
        return svg(width, tall, said, parts)

    return both(draw)


def bars(rows: Sequence[Row], axis: str, said: str) -> str:
    """One horizontal bar a row, from 0."""

    def draw(width: int) -> str:
        atop, stacked, more = _arranged(rows, width, 300)
        step = more + (52 if stacked else 36 if atop else 24)
        left = 8 if atop else _beside([row.label for row in rows], 300)
        right = 8 if atop else _beside([row.beside for row in rows], 200)
        tall = 10 + step * len(rows) + (40 if axis else 6)
        top = max([row.value or 0.0 for row in rows] or [0.0]) or 1.0
        x = Scale(0.0, top, left, width - right)
        parts = [axis_x(x, tall - 40, axis, width, 4)] if axis else []
        for place, row in enumerate(rows):
            y = 10 + step * place + more + (34 if stacked else 18 if atop else 3)
            long = max(1.0, x(row.value or 0.0) - left)
            parts.append(
                f'<rect class="f-{row.look}" x="{left}" y="{y}" width="{long:.1f}" height="13">'
                f"<title>{escape(row.told or row.beside)}</title></rect>"
            )
            above = y - 5 if atop else y + 11
            name = above - 16 if stacked else above
            parts += _label(row, left if atop else left - 8, name, atop, width, "label")
            at = left if stacked else width - 4 if atop else left + long + 8
            anchor = "end" if atop and not stacked else "start"
            parts.append(text(at, above, row.beside, anchor, "soft"))
        return svg(width, tall, said, parts)

    return both(draw)


def _whisker(x: Scale, y: float, row: Row) -> str:
    assert row.value is not None
    parts = [f"<title>{escape(row.told or f'{row.label}: {row.beside}')}</title>"]
    if row.low is not None and row.high is not None:
        parts.append(line(x(row.low), y, x(row.high), y, f"l-{row.look} whisker"))
        for end in (row.low, row.high):
            if x.holds(end):
                parts.append(line(x(end), y - 5, x(end), y + 5, f"l-{row.look} whisker"))
    if x.holds(row.value):
        parts.append(_shape(x(row.value), y, row.look))
    else:
        right = row.value > x.high
        tip, back = (x.end, -10) if right else (x.start, 10)
        parts.append(
            f'<path class="f-{row.look}" d="M{tip:.1f} {y:.1f}l{back} -6v12z"/>'
            + line(tip + back * 3, y, tip + back, y, f"l-{row.look} whisker")
        )
    return f"<g>{''.join(parts)}</g>"


def _shape(x: float, y: float, look: str) -> str:
    """Verdicts differ in shape too, for readers who do not tell colours apart."""
    if look == "bad":
        d = f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"
        return f'<path class="l-bad cross" d="{d}"/>'
    if look == "same":
        return f'<rect class="f-same" x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10"/>'
    hollow = " hollow" if look == "unsure" else ""
    return f'<circle class="f-{look} l-{look}{hollow}" cx="{x:.1f}" cy="{y:.1f}" r="5.5"/>'


def _arranged(rows: Sequence[Row], width: int, most: int) -> tuple[bool, bool, int]:
    """Whether labels stand above their rows, whether what is told beside them then has a line of
    its own, and the height of what labels take beyond one line."""
    above = _labelled_above(rows, width, most)
    stacked = above and any(len(row.label + row.beside) * EM > width - 20 for row in rows)
    return above, stacked, _more_lines(rows, width)


def _labelled_above(rows: Sequence[Row], width: int, most: int) -> bool:
    """Whether labels stand above their rows: in narrow charts, and where one is too long for the
    room beside them."""
    return width == NARROW or _beside([row.label for row in rows], most + 1) > most


def _lines(label: str, width: int) -> list[str]:
    """The label, broken so that each line fits into the chart."""
    return textwrap.wrap(label, int((width - 20) / EM)) or [""]


def _more_lines(rows: Sequence[Row], width: int) -> int:
    """Height of what the labels take beyond one line each."""
    return _LINE * (max((len(_lines(row.label, width)) for row in rows), default=1) - 1)


def _label(row: Row, x: float, y: float, above: bool, width: int, look: str) -> list[str]:
    """The label, whose last line is at y."""
    lines = _lines(row.label, width)
    tops = [y - _LINE * (len(lines) - 1 - n) for n in range(len(lines))]
    return [
        text(x, top, words, "start" if above else "end", look)
        for top, words in zip(tops, lines, strict=True)
    ]


def _beside(texts: Sequence[str], most: int) -> int:
    return min(most, 22 + round(EM * max(map(len, texts), default=0)))
