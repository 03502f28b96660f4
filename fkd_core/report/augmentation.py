"""Tables of an augmentation search: the verdicts, and the meetings of the composed policy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.evidence import HARMFUL, HELPFUL, Comparison, Verdict
from fkd_core.protocols.augmentation import Meeting
from fkd_core.protocols.transfer import Transfer
from fkd_core.report.shown import Shown
from fkd_core.tables import Cells, column, rows_of, write_table

_COLOURS = {HELPFUL: "green", HARMFUL: "red"}
_ORDER = (HELPFUL, "equivalent", "undecided", HARMFUL)


def verdict_table(verdicts: Sequence[Verdict], title: str) -> Shown:
    """The verdicts for a terminal, helpful ones first. What decides nothing is told too: a
    second opinion, and the effect at half length, px."""
    columns = (
        "transform", "setting", "verdict", "effect px", "95% interval", "p (Holm)",
        "second opinion", "at half", "pairs",
    )  # fmt: skip
    ranked = sorted(verdicts, key=_rank)
    rows = [
        (
            v.transform,
            _setting(v),
            v.verdict,
            _number(v.effect, "+.3f"),
            _interval(v.low, v.high),
            "" if v.p_holm is None else _p(v.p_holm),
            v.opinion.words if v.opinion else "",
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
    columns = ("treatment", "control", "set", *_COMPARED)
    rows = [
        (
            treatment,
            control,
            family,
            *_shown(c),
        )
        for treatment, control, family, c in _rows(meeting)
    ]
    return Shown(title, columns, rows)


def write_verdicts(path: Path, verdicts: Sequence[Verdict]) -> None:
    """The verdicts as CSV, in the order of ``verdict_table``: all that a Verdict holds, and its
    setting in the transform's unit."""
    rows = []
    for verdict in sorted(verdicts, key=_rank):
        told = asdict(verdict)
        transform, strength = told.pop("transform"), told.pop("strength")
        rows.append(
            {"transform": transform, "setting": _setting(verdict), "strength": strength} | told
        )
    write_table(path, rows, ("transform", "setting", *(f.name for f in fields(Verdict)[1:])))


def read_verdicts(path: Path) -> list[Verdict]:
    """The verdicts again, to six digits. Raises ValueError where it is no such table."""
    rows = rows_of(path)
    names = {field.name for field in fields(Verdict)}
    if not rows or set(rows[0]) != {*names, "setting"}:
        raise ValueError(f"{path} is not a table of verdicts: its header differs")
    return [_verdict(row) for row in rows]


def _verdict(row: Cells) -> Verdict:
    words: dict[str, Any] = {name: row[name] for name in ("transform", "verdict", "note")}
    numbers: dict[str, Any] = {
        field.name: float(row[field.name]) if row[field.name] else None
        for field in fields(Verdict)
        if field.name not in (*words, "pairs")
    }
    return Verdict(pairs=int(row["pairs"]), **words, **numbers)


def write_meeting(path: Path, meeting: Meeting) -> None:
    """The meeting as CSV: one row a comparison; effects in px, negative ones favour treatment."""
    rows = [
        {
            "treatment": column(treatment),
            "control": column(control),
            "set": family,
        }
        | _numbers(c)
        for treatment, control, family, c in _rows(meeting)
    ]
    write_table(path, rows)


def transfer_table(transfers: Sequence[Transfer], title: str) -> Shown:
    """What a policy changes on other networks, for a terminal."""
    columns = ("network", "faces", "against", *_COMPARED)
    rows = [(t.network, t.pipeline, t.instead, *_shown(t.comparison)) for t in transfers]
    note = "A network goes on training under what it errs less with here."
    return Shown(title, columns, rows, note)


def write_transfers(path: Path, transfers: Sequence[Transfer]) -> None:
    """The same as CSV, one row a network; the policy is the treatment, and effects are in px,
    negative ones favour it."""
    rows = [
        {"network": t.network, "pipeline": t.pipeline, "against": t.instead}
        | _numbers(t.comparison)
        for t in transfers
    ]
    write_table(path, rows)


def _rows(meeting: Meeting) -> Iterator[tuple[str, str, str, Comparison]]:
    yield "composed", "none", "confirm", meeting.against_none
    yield "uniform choice", "none", "confirm", meeting.uniform_against_none
    yield "composed", "uniform choice", "confirm", meeting.against_uniform
    for name, comparison in meeting.left_out.items():
        yield f"composed without {name}", "composed", "confirm", comparison
    if meeting.final:
        name = {"uniform": "uniform choice"}.get(meeting.winner, meeting.winner)
        yield name, "none", "final", meeting.final


_COMPARED = ("RMSE px", "effect px", "95% interval", "p", "pairs")


def _shown(c: Comparison) -> tuple[str, ...]:
    """What a terminal shows of a comparison, under _COMPARED."""
    return (
        f"{c.treatment_rmse:.3f} vs {c.control_rmse:.3f}",
        f"{c.effect:+.3f}",
        _interval(c.low, c.high),
        _p(c.p),
        str(c.pairs),
    )


def _numbers(c: Comparison) -> dict[str, float]:
    """What a CSV table holds of a comparison, px."""
    names = ("treatment_rmse", "control_rmse", "effect", "low", "high", "p", "pairs")
    return {name: getattr(c, name) for name in names}


def _setting(verdict: Verdict) -> str:
    if verdict.strength is None:
        return ""
    return TRANSFORMS[verdict.transform].describe(verdict.strength)


def _rank(verdict: Verdict) -> tuple[int, float]:
    rank = _ORDER.index(verdict.verdict) if verdict.verdict in _ORDER else len(_ORDER)
    return rank, verdict.effect or 0.0


def _number(value: float | None, form: str) -> str:
    return "" if value is None or math.isnan(value) else format(value, form)


def _p(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:+.3f} .. {high:+.3f}"
