"""Scales of charts: from values to places, and the round numbers to write along them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """From values between `low` and `high` to places between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    whole: bool = False
    """Whether only whole numbers are written along it."""

    def __call__(self, value: float) -> float:
        """The place of a value; values beyond the ends stay at them."""
        near = min(max(value, self.low), self.high)
        low, high, near = (
            (math.log(v) for v in (self.low, self.high, near))
            if self.log
            else (self.low, self.high, near)
        )
        return self.start + (self.end - self.start) * (near - low) / (high - low)

    def holds(self, value: float) -> bool:
        """Whether the value lies on the scale."""
        return self.low <= value <= self.high

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers on it, about as many."""
        return _log_ticks(self.low, self.high, most) if self.log else _ticks(self, most)


def spanning(
    values: Iterable[float],
    start: float,
    end: float,
    *,
    log: bool = False,
    room: float = 0.06,
    whole: bool = False,
) -> Scale:
    """The scale that shows all finite values, with some room at both ends.

    Without any value it goes from 0 to 1; a logarithmic one leaves out what is not above 0.
    """
    known = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
    if not known:
        return Scale(0.1 if log else 0.0, 1.0, start, end, log)
    low, high = min(known), max(known)
    if log:
        spare = max((high / low) ** room, 1.02)
        return Scale(low / spare, high * spare, start, end, log)
    spare = (high - low) * room or abs(high) * room or 1.0
    return Scale(low - spare, high + spare, start, end, whole=whole)


def _ticks(scale: Scale, most: int) -> list[float]:
    rough = (scale.high - scale.low) / max(1, most)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(s * unit for s in (1, 2, 5, 10) if s * unit >= rough * 0.999)
    step = max(1.0, step) if scale.whole else step
    first = math.ceil(scale.low / step - 1e-9)
    last = math.floor(scale.high / step + 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    ticks: list[float] = []
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        ticks = [round(s * 10.0**p, 12) for p in powers for s in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            return ticks[:: math.ceil(len(ticks) / most)]
    return ticks if len(ticks) > 1 else _ticks(Scale(low, high, 0, 1), most)


def number(value: float) -> str:
    """A tick as it is written: 0.001, 0.5, 20, 1e-5."""
    return f"{value:.4g}" if value else "0"
