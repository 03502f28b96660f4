"""Tables of an augmentation search: the verdicts, and the meetings of the composed policy."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.evidence import HARMFUL, HELPFUL, Comparison, Verdict
from fkd_core.files import whole_file
from fkd_core.protocols.augmentation import Meeting
from fkd_core.report.shown import Shown

_COLOURS = {HELPFUL: "green", HARMFUL: "red"}
_ORDER = (HELPFUL, "equivalent", "undecided", HARMFUL)


def verdict_table(verdicts: Sequence[Verdict], title: str) -> Shown:
    """The verdicts for a terminal, helpful ones first; `at half` is the effect at half length, px,
    which is told and decides nothing."""
    columns = (
        "transform", "setting", "verdict", "effect px", "95% interval", "p (Holm)", "at half",
        "pairs",
    )  # fmt: skip
    ranked = sorted(verdicts, key=_rank)
    rows = [
        (
            v.transform,
            TRANSFORMS[v.transform].describe(v.strength) if v.strength is not None else "",
            v.verdict,
            _number(v.effect, "+.3f"),
            _interval(v.low, v.high),
            "" if v.p_holm is None else _p(v.p_holm),
            _number(v.half_effect, "+.3f"),
            str(v.pairs or ""),
        )
        for v in ranked
    ]
    notes = dict.fromkeys(v.note for v in verdicts if v.note)
    caption = "\n".join(f"No verdict where {note}." for note in notes)
    return Shown(title, columns, rows, caption, [_COLOURS.get(v.verdict) for v in ranked])


def meeting_table(meeting: Meeting, title: str) -> Shown:
    """The meetings for a terminal: on set confirm, and the winner's on set final."""
    columns = ("treatment", "control", "set", "RMSE px", "effect px", "95% interval", "p", "pairs")
    rows = [
        (
            treatment,
            control,
            family,
            f"{c.treatment_rmse:.3f} vs {c.control_rmse:.3f}",
            f"{c.effect:+.3f}",
            _interval(c.low, c.high),
            _p(c.p),
            str(c.pairs),
        )
        for treatment, control, family, c in _rows(meeting)
    ]
    return Shown(title, columns, rows)


def write_meeting(path: Path, meeting: Meeting) -> None:
    """The meeting as CSV: one row a comparison; effects in px, negative ones favour treatment."""
    with whole_file(path) as aside, open(aside, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            [
                "treatment",
                "control",
                "set",
                "treatment_rmse",
                "control_rmse",
                "effect",
                "low",
                "high",
                "p",
                "pairs",
            ]
        )
        for treatment, control, family, c in _rows(meeting):
            numbers = (c.treatment_rmse, c.control_rmse, c.effect, c.low, c.high, c.p, c.pairs)
            writer.writerow([treatment, control, family, *numbers])


def _rows(meeting: Meeting) -> Iterator[tuple[str, str, str, Comparison]]:
    yield "composed", "none", "confirm", meeting.against_none
    yield "uniform choice", "none", "confirm", meeting.uniform_against_none
    yield "composed", "uniform choice", "confirm", meeting.against_uniform
    for name, comparison in meeting.left_out.items():
        yield f"composed without {name}", "composed", "confirm", comparison
    if meeting.final:
        name = {"uniform": "uniform choice"}.get(meeting.winner, meeting.winner)
        yield name, "none", "final", meeting.final


def _rank(verdict: Verdict) -> tuple[int, float]:
    rank = _ORDER.index(verdict.verdict) if verdict.verdict in _ORDER else len(_ORDER)
    return rank, verdict.effect or 0.0


def _number(value: float | None, form: str) -> str:
    return "" if value is None or math.isnan(value) else format(value, form)


def _p(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:+.3f} .. {high:+.3f}"
