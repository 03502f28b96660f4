"""Section: which labels seem to be wrong, and what correcting them changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from fkd_core.report.page.found import Found, cell, three
from fkd_core.report.page.plain import interval, listed
from fkd_core.report.page.rows import Row, whiskers
from fkd_core.report.page.section import Figure, Section, command_of, missing, table
from fkd_core.report.page.tiles import Tile, tiles
from fkd_core.report.page.verdicts import sure
from fkd_core.tables import Cells

FACES = 12
"""Faces shown."""
_ROWS = 6
CORRECTIONS = "label_corrections.csv"
"""As the gallery saves it."""


def label_section(run: Found) -> Section | None:
    """Suspect labels by reason, the first faces, and what changed labels changed; None where
    nobody audited them."""
    if not run.suspects:
        return None
    made_by = run.made_by("audit")
    reasons = flagged(run)
    figures = [
        Figure(
            "More likely wrong than right",
            table(
                ("seems to be", "most suspect rows", "faces"),
                [
                    (reason, ", ".join(row["row"] for row in rows[:_ROWS]), str(len(rows)))
                    for reason, rows in reasons.items()
                ],
                words=2,
            ),
            made_by=made_by,
        )
    ]
    if shown := _faces(run):
        figures.append(
            Figure(
                "The most suspect faces",
                tiles(shown, "labels and what models say"),
                "Coloured dots: what the models say together; white dots: the labels, joined by a "
                "line.",
                made_by,
            )
        )
    if run.label_effects:
        figures.append(_effects(run, made_by))
    figures.append(Figure("", f"{_link(run)}{missing(*after_audit(run))}"))
    words = [
        "Models that never saw a face say where its points are. Where they agree, and the label "
        "is far from it, it may be wrong. Many are right labels of odd faces, so look at them."
    ]
    return Section("labels", "Suspect labels", words, figures)


def flagged(run: Found) -> dict[str, list[Cells]]:
    """The faces whose labels are more likely wrong than right, by reason; most first."""
    found = defaultdict[str, list[Cells]](list)
    for row in run.suspects:
        if (cell(row, "score") or 0.0) > 0:
            found[row["reason"]].append(row)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def labels_in_words(run: Found) -> str:
    """What the audit found, in a sentence or two."""
    reasons = flagged(run)
    number = sum(map(len, reasons.values()))
    why = [f"{reason} {len(rows)}" for reason, rows in reasons.items()]
    told = (
        f"Which labels are wrong? {number} of {len(run.suspects):,} faces have labels that are "
        f"more likely wrong than right{f': {listed(why)}' if why else ''}."
    )
    for row in run.label_effects:
        if (row["taught"], row["scored_on"]) == ("corrected", "undisputed"):
            change = interval(*_difference(row), signed=True)
            told += (
                f" Training on corrected ones changes the RMSE by {change} px, on labels that "
                "nobody disputes."
            )
    return told


def after_audit(run: Found) -> tuple[str, str]:
    """What to do with suspect labels: a sentence and its command."""
    options = {**run.configs.get("audit", {}).get("options", {})}
    options["results"] = str(run.places.results)
    applied = options.get("apply")
    if applied and run.label_effects:
        return (
            "To train on the corrected labels, where what they change is worth it:",
            command_of("build_ensemble", {**options, "corrections": applied}),
        )
    judges = [
        word
        for name in ("preset", "epochs")
        if options.get(name) is not None
        for word in (f"--{name}", str(options[name]))
    ]
    return (
        f"{CORRECTIONS}, which the gallery saves, is taken by every command as --corrections; "
        "this measures what it changes:",
        command_of("audit_labels", options, *judges, "--apply", CORRECTIONS),
    )


def _link(run: Found) -> str:
    if run.gallery is None:
        return ""
    path = escape(str(run.places.run.audit / "gallery.html"))
    address = escape(run.gallery, quote=True)
    return f'<p>Accept, drag or dismiss them in <a href="{address}">{path}</a>.</p>'


def _faces(run: Found) -> list[Tile]:
    faces, points = run.faces, run.suspect_points
    if faces is None or points is None:
        return []
    place = {int(row): at for at, row in enumerate(faces.row)}
    told = {int(row["row"]): row for row in run.suspects}
    found = list[Tile]()
    for row, given, said in zip(points.row, points.given, points.said, strict=True):
        at, about = place.get(int(row)), told.get(int(row))
        if at is not None and about is not None and len(found) < FACES:
            caption = f"row {row} · {about['reason']} · {cell(about, 'off_px') or 0:.1f} px off"
            where = np.where(np.isfinite(given), said, np.nan)
            found.append(Tile(faces.images[at], where, labels=given, caption=caption))
    return found


def _effects(run: Found, made_by: Mapping[str, Any]) -> Figure:
    rows = []
    for row in run.label_effects:
        value, low, high = _difference(row)
        arm = row["taught"].replace("_", " ")
        rows.append(
            Row(
                f"{arm}, scored on {row['scored_on']} labels", value, low, high, sure(low, high),
                f"{interval(value, low, high, signed=True)} px",
            )
        )  # fmt: skip
    applied = run.configs.get("audit", {}).get("options", {}).get("apply")
    return Figure(
        "What changed labels change in training",
        whiskers(rows, "change of RMSE, px: left helps", "effects of changed labels", zero=True),
        "The cascade, taught corrected labels or none of the suspect ones, against the labels as "
        "given; out of fold, with 95% intervals. A right model is punished by wrong labels, so "
        "those that nobody disputes tell most.",
        made_by if applied else None,
    )


def _difference(row: Cells) -> tuple[float | None, float | None, float | None]:
    return three(row, "difference", "difference_low", "difference_high")
