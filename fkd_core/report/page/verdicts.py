"""Section: the effect of each augmentation, with its interval, and the meeting of policies."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from fkd_core.evidence import Verdict
from fkd_core.report.page.found import Found, cell
from fkd_core.report.page.plain import interval, look, named, px, verdict_in_words
from fkd_core.report.page.rows import Row, whiskers
from fkd_core.report.page.section import Figure, Section, command_of, table
from fkd_core.tables import Cells

_SQUASHED = 6.0  # times the median reach of an interval: beyond it a row is drawn as an arrow
AXIS = "change of RMSE, px: left helps, right harms"


def verdict_section(run: Found) -> Section:
    """A forest plot a pipeline."""
    if not run.verdicts:
        wanting = "No search of augmentations is here; this makes one:"
        return Section(
            "verdicts",
            "Augmentations",
            missing=[(wanting, command_of("search_augment", run.options))],
        )
    made_by = run.made_by("augmentation")
    figures = []
    for pipeline, verdicts in run.verdicts.items():
        figures.append(
            Figure(
                f"Effect of each augmentation on {pipeline} faces",
                forest(verdicts),
                _caption(verdicts),
                made_by,
            )
        )
        if any(v.effect is not None for v in verdicts):
            figures.append(_sureness(pipeline, verdicts, made_by))
        if rows := run.meetings.get(pipeline):
            drawn = [
                _effect(
                    f"{_plain(row['treatment'])} against {_plain(row['control'])}, {row['set']}",
                    row,
                )
                for row in rows
            ]
            figures.append(
                Figure(
                    f"The composed policy on {pipeline} faces",
                    whiskers(drawn, AXIS, "policies against each other", zero=True),
                    "On set confirm again, with seeds not used before: the composed policy, no "
                    "augmentation, and one of all, chosen by chance for each copy; and what the "
                    "best of them gains on set final, whose faces chose nothing. “Without” rows "
                    "show what leaving one out costs: right of 0, it is missed.",
                    made_by,
                )
            )
        if rows := run.transfers.get(pipeline):
            figures.append(_transfer(pipeline, rows, made_by))
    return Section(
        "verdicts",
        "Augmentations",
        [
            "Each augmentation was trained with and without: same faces, same seeds, same number "
            "of gradient steps. A row shows how much the error on held-out faces changes, in "
            "pixels of the 96 x 96 picture, with its 95% interval."
        ],
        figures,
    )


def _transfer(pipeline: str, rows: Sequence[Cells], made_by: Mapping[str, Any]) -> Figure:
    drawn = [
        _effect(
            f"{row['network']} on {row['pipeline']} faces, against {row['against']} augmentations",
            row,
        )
        for row in rows
    ]
    return Figure(
        f"The policy of {pipeline} faces on other networks",
        whiskers(drawn, AXIS, "the policy on networks that did not choose it", zero=True),
        "On set confirm once more, with seeds not used before: networks that did not choose the "
        "policy, under it and under what they else train under. Each goes on training under "
        "what it errs less with here: right of 0, that is the other.",
        made_by,
    )


def _effect(label: str, row: Cells) -> Row:
    """A comparison, drawn."""
    effect, low, high = (cell(row, name) for name in ("effect", "low", "high"))
    return Row(label, effect, low, high, sure(low, high), f"{px(effect, signed=True)} px")


def forest(verdicts: Sequence[Verdict]) -> str:
    """One row an augmentation, most helpful on top."""
    confirmed = _confirmed(verdicts)
    rows = [
        Row(
            named(v.transform, v.strength), v.effect, v.low, v.high, look(v.verdict),
            f"{px(v.effect, signed=True)} px, {v.verdict}{' *' if v.note else ''}",
            f"{named(v.transform, v.strength)}: {interval(v.effect, v.low, v.high, signed=True)} "
            f"px, {v.verdict}; {v.note}".removesuffix("; "),
        )
        for v in confirmed
    ]  # fmt: skip
    rows += [
        Row(
            named(v.transform, v.strength), None, look="unsure", beside=verdict_in_words(v.verdict)
        )
        for v in verdicts
        if v.effect is None
    ]
    said = "; ".join(f"{row.label}: {row.beside}" for row in rows)
    return whiskers(rows, AXIS, said, zero=True, band=zone(confirmed), edge=edge(confirmed))


def _sureness(pipeline: str, verdicts: Sequence[Verdict], made_by: Mapping[str, Any]) -> Figure:
    rows = [
        (
            named(v.transform, v.strength),
            v.opinion.words if v.opinion else "",
            px(v.half_effect, signed=True),
            f"{px(v.low, signed=True)} .. {px(v.high, signed=True)}",
        )
        for v in _confirmed(verdicts)
    ]
    columns = ("augmentation", "second opinion", "at half length, px", "95% interval, px")
    return Figure(
        f"How sure that is, {pipeline} faces",
        table(columns, rows),
        "Second opinion: how probable help, no matter or harm is, whichever is the most, by the "
        "pairs of this augmentation alone; a verdict is corrected for their number too, and asks "
        "for more. At half length: what the effect was when the fits were half done.",
        made_by,
    )


def _confirmed(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those that were measured, most helpful first."""
    return sorted((v for v in verdicts if v.effect is not None), key=lambda v: v.effect or 0)


def zone(confirmed: Sequence[Verdict]) -> float:
    """How small an effect is too small to matter, px."""
    zones = [v.zone for v in confirmed if v.zone]
    return sum(zones) / len(zones) if zones else 0.0


def edge(confirmed: Sequence[Verdict]) -> float | None:
    """Where the axis ends, px: wide enough for all but what would squash the rest to a point.

    The harmful control is a hundred times the size of a real effect; an arrow points to it.
    """
    reach = [max(abs(v.low or 0.0), abs(v.high or 0.0)) for v in confirmed]
    reach = [r for r in reach if math.isfinite(r)]
    if not reach:
        return None
    usual = _SQUASHED * statistics.median_low(reach)
    return 1.08 * max(r for r in reach if r <= usual) or None


def _caption(verdicts: Sequence[Verdict]) -> str:
    confirmed = [v for v in verdicts if v.effect is not None]
    notes = dict.fromkeys(v.note for v in confirmed if v.note)
    told = [
        "Dots: the measured effect; bars: 95% intervals; an arrow: far beyond the axis. The band "
        f"is what is too small to matter{_under(zone(confirmed))}. "
        "Green circle: helpful; orange cross: harmful; blue square: equivalent, surely inside the "
        "band; hollow: undecided."
    ]
    told += [f"* No verdict where {note}." for note in notes]
    return " ".join(told)


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _under(zone: float) -> str:
    return f", under {zone:.3f} px" if zone else ""


def sure(low: float | None, high: float | None) -> str:
    """The colour of a difference by its interval."""
    if low is None or high is None or low <= 0 <= high:
        return "unsure"
    return "good" if high < 0 else "bad"
