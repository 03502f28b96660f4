"""Tables of an augmentation search: the verdicts, and the meeting of the composed policy."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table

from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.evidence import HARMFUL, HELPFUL, Comparison, Verdict
from fkd_core.files import whole_file
from fkd_core.protocols.augmentation import Meeting

_COLOURS = {HELPFUL: "green", HARMFUL: "red"}
_ORDER = (HELPFUL, "equivalent", "undecided", HARMFUL)


def verdict_table(verdicts: Sequence[Verdict], title: str) -> Table:
    """The verdicts for a terminal, helpful ones first."""
    table = Table(title=title, title_justify="left")
    for name in ("transform", "setting", "verdict", "effect px", "95% interval", "p (Holm)"):
        table.add_column(name, justify="left" if name in ("transform", "verdict") else "right")
    table.add_column("pairs", justify="right")
    for v in sorted(verdicts, key=_rank):
        setting = TRANSFORMS[v.transform].describe(v.strength) if v.strength is not None else ""
        table.add_row(
            v.transform,
            setting,
            v.verdict,
            _number(v.effect, "+.3f"),
            _interval(v.low, v.high),
            "" if v.p_holm is None else _p(v.p_holm),
            str(v.pairs or ""),
            style=_COLOURS.get(v.verdict),
        )
    notes = dict.fromkeys(v.note for v in verdicts if v.note)
    table.caption = "\n".join(f"No verdict where {note}." for note in notes)
    table.caption_justify = "left"
    return table


def meeting_table(meeting: Meeting, title: str) -> Table:
    """The meeting on set confirm for a terminal."""
    table = Table(title=title, title_justify="left")
    for name in ("treatment", "control", "RMSE px", "effect px", "95% interval", "p", "pairs"):
        table.add_column(name, justify="left" if name in ("treatment", "control") else "right")
    for treatment, control, c in _rows(meeting):
        table.add_row(
            treatment,
            control,
            f"{c.treatment_rmse:.3f} vs {c.control_rmse:.3f}",
            f"{c.effect:+.3f}",
            _interval(c.low, c.high),
            _p(c.p),
            str(c.pairs),
        )
    return table


def write_meeting(path: Path, meeting: Meeting) -> None:
    """The meeting as CSV: one row a comparison; effects in px, negative ones favour treatment."""
    with whole_file(path) as aside, open(aside, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            [
                "treatment",
                "control",
                "treatment_rmse",
                "control_rmse",
                "effect",
                "low",
                "high",
                "p",
                "pairs",
            ]
        )
        for treatment, control, c in _rows(meeting):
            numbers = (c.treatment_rmse, c.control_rmse, c.effect, c.low, c.high, c.p, c.pairs)
            writer.writerow([treatment, control, *numbers])


def _rows(meeting: Meeting) -> Iterator[tuple[str, str, Comparison]]:
    yield "composed", "none", meeting.against_none
    yield "uniform choice", "none", meeting.uniform_against_none
    yield "composed", "uniform choice", meeting.against_uniform
    for name, comparison in meeting.left_out.items():
        yield f"composed without {name}", "composed", comparison


def _rank(verdict: Verdict) -> tuple[int, float]:
    rank = _ORDER.index(verdict.verdict) if verdict.verdict in _ORDER else len(_ORDER)
    return rank, verdict.effect or 0.0


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _p(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:+.3f} .. {high:+.3f}"
