"""Numbers and times as a terminal says them."""

from __future__ import annotations


def counted(number: int, what: str = "fit") -> str:
    """``1 fit``, ``2 fits``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def clock(seconds: float) -> str:
    """``1:24``, and with hours ``2:01:24``."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
