"""Verdicts: what the evidence says of each augmentation, and the table that keeps it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from fkd_core.evidence.comparison import Comparison
from fkd_core.files import whole_file

SMALLEST_EFFECT = 0.005
"""Smallest effect that matters unless another is asked for, as a share of the control's RMSE."""
LARGEST_TRAIN_RATIO = 0.6
"""A control whose training RMSE is a larger share of its held-out RMSE has not overfitted
enough for an augmentation to have a chance."""
ALPHA = 0.05
"""Probability of any false verdict of help or harm in the whole family."""

HELPFUL = "helpful"
HARMFUL = "harmful"
EQUIVALENT = "equivalent"
UNDECIDED = "undecided"
NOT_CONFIRMED = "undecided (not confirmed)"


@dataclass(frozen=True)
class Verdict:
    """One row of the table; None where a candidate was screened out and so never confirmed."""

    transform: str
    strength: float | None
    """In [0, 1]; None for a transform without one."""
    verdict: str
    """HELPFUL, HARMFUL, EQUIVALENT, UNDECIDED or NOT_CONFIRMED."""
    effect: float | None
    """RMSE with it - RMSE without, px; negative helps."""
    low: float | None
    """Lower end of the effect's 95% interval, px."""
    high: float | None
    """Upper end of the effect's 95% interval, px."""
    p_holm: float | None
    """Holm-adjusted p that there is no effect, over all that was confirmed."""
    pairs: int
    """Matched pairs; 0 where not confirmed."""
    p_nadeau_bengio: float | None = None
    """Of the corrected resampled t-test, not adjusted."""
    control_rmse: float | None = None
    """Held-out RMSE without it, px."""
    half_effect: float | None = None
    """The effect at half length, px."""
    train_ratio: float | None = None
    """The control's training RMSE / its held-out RMSE."""
    zone: float | None = None
    """Effects smaller than this are too small to matter, px."""
    p_equivalent: float | None = None
    """Holm-adjusted p that the effect is as large as `zone`, over all that was confirmed."""
    note: str = ""
    """Why there is no verdict, where validity failed."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given (Holm, "A simple sequentially rejective multiple
    test procedure", Scandinavian Journal of Statistics 6, 1979)."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def judge(
    comparisons: Mapping[str, Comparison],
    candidates: Sequence[str],
    strengths: Mapping[str, float | None],
    smallest: float = SMALLEST_EFFECT,
) -> list[Verdict]:
    """A verdict on every candidate, then on whatever else was compared (the harmful control).

    Holm's family is what was compared. What the screen left out is no part of it: it was left out
    for what it did on other faces, so it never had a chance of a false verdict here. Equivalence
    is asked first, for a tiny effect is no help however sure it is; its zone is the share
    `smallest` of the control's RMSE.
    """
    zones = {name: smallest * c.control_rmse for name, c in comparisons.items()}
    p_effect = holm([c.p for c in comparisons.values()])
    p_beyond = holm([c.p_beyond(zones[name]) for name, c in comparisons.items()])
    found = {
        name: _confirmed(name, strengths.get(name), c, zones[name], p, beyond)
        for (name, c), p, beyond in zip(comparisons.items(), p_effect, p_beyond, strict=True)
    }
    return [
        found.get(name)
        or Verdict(name, strengths.get(name), NOT_CONFIRMED, None, None, None, None, 0)
        for name in dict.fromkeys([*candidates, *comparisons])
    ]


def _confirmed(
    name: str,
    strength: float | None,
    c: Comparison,
    zone: float,
    p_effect: float,
    p_beyond: float,
) -> Verdict:
    train_ratio = c.control_train_rmse / c.control_rmse
    note = _invalid(train_ratio)
    if note:
        verdict = UNDECIDED
    elif p_beyond < ALPHA:
        verdict = EQUIVALENT
    elif p_effect < ALPHA:
        verdict = HELPFUL if c.effect < 0 else HARMFUL
    else:
        verdict = UNDECIDED
    return Verdict(
        transform=name,
        strength=strength,
        verdict=verdict,
        effect=c.effect,
        low=c.low,
        high=c.high,
        p_holm=p_effect,
        pairs=c.pairs,
        p_nadeau_bengio=c.p_nadeau_bengio,
        control_rmse=c.control_rmse,
        half_effect=c.half_effect,
        train_ratio=train_ratio,
        zone=zone,
        p_equivalent=p_beyond,
        note=note,
    )


def _invalid(train_ratio: float) -> str:
    """Why this comparison allows no verdict; empty where it does."""
    if train_ratio <= LARGEST_TRAIN_RATIO:
        return ""
    return (  # NaN is a reason too
        f"the control's training RMSE is {train_ratio:.2f} of its held-out RMSE,"
        f" more than {LARGEST_TRAIN_RATIO}: it did not overfit enough to judge by"
    )


def write_verdicts(path: Path, verdicts: Sequence[Verdict]) -> None:
    """Writes the table as CSV, whole or not at all; an empty cell stands for None."""
    names = [field.name for field in fields(Verdict)]
    with whole_file(path) as aside, open(aside, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        table.writerows([getattr(verdict, name) for name in names] for verdict in verdicts)


def read_verdicts(path: Path) -> list[Verdict]:
    """The table again, exactly as it was written. Raises ValueError where it is no such table."""
    with open(path, newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        if table.fieldnames != [field.name for field in fields(Verdict)]:
            raise ValueError(f"{path} is not a table of verdicts: its header differs")
        return [_from_cells(row) for row in table]


def _from_cells(cells: Mapping[str, str]) -> Verdict:
    def number(name: str) -> float | None:
        return float(cells[name]) if cells[name] else None

    return Verdict(
        transform=cells["transform"],
        strength=number("strength"),
        verdict=cells["verdict"],
        effect=number("effect"),
        low=number("low"),
        high=number("high"),
        p_holm=number("p_holm"),
        pairs=int(cells["pairs"]),
        p_nadeau_bengio=number("p_nadeau_bengio"),
        control_rmse=number("control_rmse"),
        half_effect=number("half_effect"),
        train_ratio=number("train_ratio"),
        zone=number("zone"),
        p_equivalent=number("p_equivalent"),
        note=cells["note"],
    )
