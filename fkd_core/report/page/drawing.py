"""What all charts of the page are drawn with: their two widths, words, lines, axes.

Colours are classes of the page's style, which knows both schemes. Every chart is drawn twice, for
wide and for narrow windows, so that its words are never shrunk; the style shows one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from fkd_core.report.page.scale import Scale, number

WIDE, NARROW = 860, 340
"""Units of a chart's width; in a window of 390 px a unit of the narrow one is about a pixel."""
EM = 7.0
"""Mean width of a character, in these units."""


def both(draw: Callable[[int], str]) -> str:
    """The chart for wide and for narrow windows."""
    return f'<div class="wide">{draw(WIDE)}</div><div class="narrow">{draw(NARROW)}</div>'


def line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    """A straight line; its look are classes of the style."""
    return f'<path class="{look}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'


def text(x: float, y: float, words: str, anchor: str = "start", look: str = "") -> str:
    """Words that start, end or have their middle at x, on the line y."""
    return (
        f'<text class="{look}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def svg(width: int, tall: float, said: str, parts: Sequence[str]) -> str:
    """The chart of these parts; `said` is read out in its place."""
    size = f'viewBox="0 0 {width} {tall:.0f}" style="max-width:{width * 1.25:.0f}px"'
    label = f'role="img" aria-label="{escape(said, quote=True)}"'
    return f'<svg class="chart" {size} {label}>{"".join(parts)}</svg>'


def axis_x(x: Scale, y: float, name: str, width: int, most: int) -> str:
    """The axis at y, with its name, about `most` ticks, and their lines up to the top."""
    parts = [line(x.start, y, x.end, y, "axis")]
    for tick in x.ticks(most):
        parts.append(line(x(tick), 6, x(tick), y, "grid"))
        parts.append(text(x(tick), y + 16, number(tick), "middle", "soft"))
    middle = min(max((x.start + x.end) / 2, len(name) * EM / 2), width - len(name) * EM / 2)
    return "".join([*parts, text(middle, y + 36, name, "middle", "soft")])


def axis_y(y: Scale, left: float, right: float, name: str) -> str:
    """The axis at the left, with its name, and the lines of its ticks."""
    parts = []
    for tick in y.ticks(6):
        parts.append(line(left, y(tick), right, y(tick), "grid"))
        parts.append(text(left - 6, y(tick) + 4, number(tick), "end", "soft"))
    return "".join([*parts, text(4, 13, name, "start", "soft")])
