"""Charts as SVG inside the page: dots with whiskers, lines, bars, points, parallel coordinates.

Colours are classes of the page's style, which knows both schemes. Every chart is drawn twice, for
wide and for narrow windows, so that its words are never shrunk; the style shows one of them.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from fkd_core.report.page.scale import Scale, number, spanning

WIDE, NARROW = 860, 340
"""Units of a chart's width; in a window of 390 px a unit of the narrow one is about a pixel."""
_LINE = 15  # height of a line of text
_EM = 7.0  # mean width of a character


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


@dataclass(frozen=True)
class Series:
    """A line; gaps where a value is not finite."""

    xs: Sequence[float]
    ys: Sequence[float]
    look: str = "s0"
    thin: bool = False
    told: str = ""


@dataclass(frozen=True)
class Spot:
    """A point, with an interval of y where there is one."""

    x: float
    y: float
    look: str = "s0"
    told: str = ""
    low: float | None = None
    high: float | None = None
    hollow: bool = False


def both(draw: Callable[[int], str]) -> str:
    """The chart for wide and for narrow windows."""
    return f'<div class="wide">{draw(WIDE)}</div><div class="narrow">{draw(NARROW)}</div>'


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
        atop = _labelled_above(rows, width, 330)
        stacked = atop and any(len(row.label + row.beside) * _EM > width - 20 for row in rows)
        more = _more_lines(rows, width)
        step = more + (58 if stacked else 42 if atop else 30)
        left = 12 if atop else _beside([row.label for row in rows], 330)
        right = 12 if atop else _beside([row.beside for row in rows], 260)
        tall = 12 + step * len(rows) + 44
        known = [v for row in rows for v in (row.value, row.low, row.high) if v is not None]
        if zero:
            known += [0.0, band, -band]
        if edge is not None:
            known = [min(max(v, -edge), edge) for v in known]
        x = spanning(known, left, width - right)
        floor = tall - 44
        parts = [_axis_x(x, floor, axis, width, most=4 if width == NARROW else 7)]
        if zero and band:
            parts.append(
                f'<rect class="band" x="{x(-band):.1f}" y="6" '
                f'width="{x(band) - x(-band):.1f}" height="{floor - 6}"/>'
            )
        if zero:
            parts.append(_line(x(0), 6, x(0), floor, "axis"))
        for place, row in enumerate(rows):
            y = 12 + step * (place + 0.5) + more / 2 + (17 if stacked else 9 if atop else 0)
            soft = "" if row.value is not None else " soft"
            above = y - 13 if atop else y + 4
            top = above - 16 if stacked else above
            parts += _label(row, 4 if atop else left - 10, top, atop, width, f"label{soft}")
            if row.beside:
                at = 4 if stacked else width - 4 if atop else width - right + 10
                anchor = "end" if atop and not stacked else "start"
                parts.append(_text(at, above, row.beside, anchor, f"t-{row.look}"))
            if row.value is not None:
                parts.append(_whisker(x, y, row))
        return _svg(width, tall, said, parts)

    return both(draw)


def bars(rows: Sequence[Row], axis: str, said: str) -> str:
    """One horizontal bar a row, from 0."""

    def draw(width: int) -> str:
        atop = _labelled_above(rows, width, 300)
        stacked = atop and any(len(row.label + row.beside) * _EM > width - 20 for row in rows)
        more = _more_lines(rows, width)
        step = more + (52 if stacked else 36 if atop else 24)
        left = 8 if atop else _beside([row.label for row in rows], 300)
        right = 8 if atop else _beside([row.beside for row in rows], 200)
        tall = 10 + step * len(rows) + (40 if axis else 6)
        top = max([row.value or 0.0 for row in rows] or [0.0]) or 1.0
        x = Scale(0.0, top, left, width - right)
        parts = [_axis_x(x, tall - 40, axis, width, 4)] if axis else []
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
            parts.append(_text(at, above, row.beside, anchor, "soft"))
        return _svg(width, tall, said, parts)

    return both(draw)


def lines(
    series: Sequence[Series], x_axis: str, y_axis: str, said: str, *, log: bool = False,
    spots: Sequence[Spot] = (), diagonal: bool = False, square: bool = False,
) -> str:  # fmt: skip
    """Lines and points over x."""

    def draw(width: int) -> str:
        wide = min(width, 520) if square else width
        left, right = 52, 12
        tall = wide * 3 // 4 if square else (260 if width == NARROW else 300)
        floor = tall - 44
        xs = [v for s in series for v in s.xs] + [s.x for s in spots]
        ys = [v for s in series for v in s.ys]
        ys += [v for s in spots for v in (s.y, s.low, s.high) if v is not None]
        if diagonal:
            xs = ys = [*xs, *ys]
        whole = all(v == int(v) for v in xs)
        x = spanning(xs, left, wide - right, room=0.03, whole=whole)
        y = spanning(ys, floor, 24, log=log)
        parts = [_axis_x(x, floor, x_axis, wide, 4 if width == NARROW else 8)]
        parts += [_axis_y(y, left, wide - right, y_axis)]
        if diagonal:
            low, high = max(x.low, y.low), min(x.high, y.high)
            parts.append(_line(x(low), y(low), x(high), y(high), "axis dash"))
        parts += [_course(one, x, y) for one in series]
        parts += [_spot(one, x, y) for one in spots]
        return _svg(wide, tall, said, parts)

    return both(draw)


def parallel(
    axes: Sequence[tuple[str, Scale]], trials: Sequence[tuple[Sequence[float | None], str]],
    said: str,
) -> str:  # fmt: skip
    """A vertical axis a parameter, a line a trial (its values and look), later ones on top."""

    def draw(width: int) -> str:
        tall, top, foot = 270, 24, 62
        gap = (width - 70) / max(1, len(axes) - 1)
        scales = [Scale(a.low, a.high, tall - foot, top, a.log) for _, a in axes]
        parts = []
        for values, look in trials:
            places = [
                f"{35 + gap * n:.1f} {scale(v):.1f}"
                for n, (v, scale) in enumerate(zip(values, scales, strict=True))
                if v is not None
            ]
            parts.append(f'<path class="way l-{look}" d="M{"L".join(places)}"/>')
        for n, ((name, _), scale) in enumerate(zip(axes, scales, strict=True)):
            x = 35 + gap * n
            parts.append(_line(x, top, x, tall - foot, "axis"))
            for at, value in ((top - 8, scale.high), (tall - foot + 16, scale.low)):
                parts.append(_text(x, at, number(value), "middle", "soft"))
            short = max(5, int(gap / _EM))
            for row, words in enumerate(_wrapped(name, short)[:2]):
                parts.append(_text(x, tall - 26 + row * 14, words, "middle", "label"))
        return _svg(width, tall, said, parts)

    return both(draw)


def _wrapped(name: str, columns: int) -> list[str]:
    if len(name) <= columns:
        return [name]
    head, dot, tail = name.partition(".")
    pieces = [head, tail] if dot else name.replace("_", " _").split(" ", 1)
    return [piece if len(piece) <= columns else piece[: columns - 1] + "…" for piece in pieces]


def _whisker(x: Scale, y: float, row: Row) -> str:
    assert row.value is not None
    parts = [f"<title>{escape(row.told or f'{row.label}: {row.beside}')}</title>"]
    if row.low is not None and row.high is not None:
        parts.append(_line(x(row.low), y, x(row.high), y, f"l-{row.look} whisker"))
        for end in (row.low, row.high):
            if x.holds(end):
                parts.append(_line(x(end), y - 5, x(end), y + 5, f"l-{row.look} whisker"))
    if x.holds(row.value):
        parts.append(_shape(x(row.value), y, row.look))
    else:
        right = row.value > x.high
        tip, back = (x.end, -10) if right else (x.start, 10)
        parts.append(
            f'<path class="f-{row.look}" d="M{tip:.1f} {y:.1f}l{back} -6v12z"/>'
            + _line(tip + back * 3, y, tip + back, y, f"l-{row.look} whisker")
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


def _spot(one: Spot, x: Scale, y: Scale) -> str:
    parts = [f"<title>{escape(one.told)}</title>"] if one.told else []
    if one.low is not None and one.high is not None:
        parts.append(_line(x(one.x), y(one.low), x(one.x), y(one.high), f"l-{one.look} whisker"))
    hollow = " hollow" if one.hollow else ""
    radius = 4.5 if one.told else 3
    parts.append(
        f'<circle class="f-{one.look} l-{one.look}{hollow}" cx="{x(one.x):.1f}" '
        f'cy="{y(one.y):.1f}" r="{radius}"/>'
    )
    return f"<g>{''.join(parts)}</g>"


def _course(one: Series, x: Scale, y: Scale) -> str:
    d, pen = [], "M"
    for at, value in zip(one.xs, one.ys, strict=True):
        if not math.isfinite(value) or (y.log and value <= 0):
            continue  # not looked at: the line goes on to the next look
        d.append(f"{pen}{x(at):.1f} {y(value):.1f}")
        pen = "L"
    told = f"<title>{escape(one.told)}</title>" if one.told else ""
    thin = " thin" if one.thin else ""
    if len(d) == 1:  # one look alone: a dot
        d, thin = [f"{d[0]}h0"], " dot1"
    return f'<path class="course l-{one.look}{thin}" d="{"".join(d)}">{told}</path>' if d else ""


def _axis_x(x: Scale, y: float, name: str, width: int, most: int) -> str:
    parts = [_line(x.start, y, x.end, y, "axis")]
    for tick in x.ticks(most):
        parts.append(_line(x(tick), 6, x(tick), y, "grid"))
        parts.append(_text(x(tick), y + 16, number(tick), "middle", "soft"))
    middle = min(max((x.start + x.end) / 2, len(name) * _EM / 2), width - len(name) * _EM / 2)
    return "".join([*parts, _text(middle, y + 36, name, "middle", "soft")])


def _axis_y(y: Scale, left: float, right: float, name: str) -> str:
    parts = []
    for tick in y.ticks(6):
        parts.append(_line(left, y(tick), right, y(tick), "grid"))
        parts.append(_text(left - 6, y(tick) + 4, number(tick), "end", "soft"))
    return "".join([*parts, _text(4, 13, name, "start", "soft")])


def _labelled_above(rows: Sequence[Row], width: int, most: int) -> bool:
    """Whether labels stand above their rows: in narrow charts, and where one is too long for the
    room beside them."""
    return width == NARROW or _beside([row.label for row in rows], most + 1) > most


def _lines(label: str, width: int) -> list[str]:
    """The label, broken so that each line fits into the chart."""
    return textwrap.wrap(label, int((width - 20) / _EM)) or [""]


def _more_lines(rows: Sequence[Row], width: int) -> int:
    """Height of what the labels take beyond one line each."""
    return _LINE * (max((len(_lines(row.label, width)) for row in rows), default=1) - 1)


def _label(row: Row, x: float, y: float, above: bool, width: int, look: str) -> list[str]:
    """The label, whose last line is at y."""
    lines = _lines(row.label, width)
    tops = [y - _LINE * (len(lines) - 1 - n) for n in range(len(lines))]
    return [
        _text(x, top, line, "start" if above else "end", look)
        for top, line in zip(tops, lines, strict=True)
    ]


def _beside(texts: Sequence[str], most: int) -> int:
    return min(most, 22 + round(_EM * max(map(len, texts), default=0)))


def _line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    return f'<path class="{look}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str = "start", look: str = "") -> str:
    return (
        f'<text class="{look}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def _svg(width: int, tall: float, said: str, parts: Sequence[str]) -> str:
    size = f'viewBox="0 0 {width} {tall:.0f}" style="max-width:{width * 1.25:.0f}px"'
    label = f'role="img" aria-label="{escape(said, quote=True)}"'
    return f'<svg class="chart" {size} {label}>{"".join(parts)}</svg>'
