"""Charts over axes: lines, points, parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fkd_core.report.page.drawing import EM, NARROW, axis_x, axis_y, both, line, svg, text
from fkd_core.report.page.scale import Scale, number, spanning


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
        parts = [axis_x(x, floor, x_axis, wide, 4 if width == NARROW else 8)]
        parts += [axis_y(y, left, wide - right, y_axis)]
        if diagonal:
            low, high = max(x.low, y.low), min(x.high, y.high)
            parts.append(line(x(low), y(low), x(high), y(high), "axis dash"))
        parts += [_course(one, x, y) for one in series]
        parts += [_spot(one, x, y) for one in spots]
        return svg(wide, tall, said, parts)

    return both(draw)


def parallel(
    axes: Sequence[tuple[str, Scale]], trials: Sequence[tuple[Sequence[float | None], str]],
    said: str,
) -> str:  # fmt: skip
    """A vertical axis a parameter, a line a trial (its values and look), later ones on top."""

    def draw(width: int) -> str:
        tall, top, foot = 270, 24, 62
        edge = 35 if width == NARROW else 70  # names are written around the ends of axes
        gap = (width - 2 * edge) / max(1, len(axes) - 1)
        scales = [Scale(a.low, a.high, tall - foot, top, a.log) for _, a in axes]
        parts = []
        for values, look in trials:
            places = [
                f"{edge + gap * n:.1f} {scale(v):.1f}"
                for n, (v, scale) in enumerate(zip(values, scales, strict=True))
                if v is not None
            ]
            parts.append(f'<path class="way l-{look}" d="M{"L".join(places)}"/>')
        for n, ((name, _), scale) in enumerate(zip(axes, scales, strict=True)):
            x = edge + gap * n
            parts.append(line(x, top, x, tall - foot, "axis"))
            for at, value in ((top - 8, scale.high), (tall - foot + 16, scale.low)):
                parts.append(text(x, at, number(value), "middle", "soft"))
            short = max(5, int(gap / EM))
            for row, words in enumerate(_wrapped(name, short)[:2]):
                parts.append(text(x, tall - 26 + row * 14, words, "middle", "label"))
        return svg(width, tall, said, parts)

    return both(draw)


def _wrapped(name: str, columns: int) -> list[str]:
    if len(name) <= columns:
        return [name]
    head, dot, tail = name.partition(".")
    pieces = [head, tail] if dot else name.replace("_", " _").split(" ", 1)
    return [piece if len(piece) <= columns else piece[: columns - 1] + "…" for piece in pieces]


def _spot(one: Spot, x: Scale, y: Scale) -> str:
    parts = [f"<title>{escape(one.told)}</title>"] if one.told else []
    if one.low is not None and one.high is not None:
        parts.append(line(x(one.x), y(one.low), x(one.x), y(one.high), f"l-{one.look} whisker"))
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
