"""Section: what was spent on what."""

from __future__ import annotations

from collections import defaultdict

from fkd_core.report.page.found import Found, cell
from fkd_core.report.page.plain import PURPOSES, hours
from fkd_core.report.page.rows import Row, bars
from fkd_core.report.page.section import Figure, Section, table


def cost_section(run: Found) -> Section | None:
    """Worker time by stage; None where nothing was trained."""
    spent: dict[tuple[str, str, str], float] = defaultdict(float)
    count: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in run.fits:
        key = (str(row.get("family")), str(row.get("pipeline")), str(row.get("model")))
        spent[key] += float(row.get("seconds") or 0.0)
        count[key] += 1
    if not spent:
        return None
    order = sorted(spent, key=lambda key: -spent[key])
    rows = [
        Row(
            f"{model}, {pipeline}: {PURPOSES.get(family, family)}",
            spent[family, pipeline, model] / 60,
            look="s0",
            beside=f"{hours(spent[family, pipeline, model])}, "
            f"{count[family, pipeline, model]} fits",
        )
        for family, pipeline, model in order[:24]
    ]
    pruned = sum(study.costs.pruned for study in run.studies)
    stored = sum(study.costs.stored for study in run.studies)
    figures = [
        Figure(
            "Time of workers",
            bars(rows, "minutes of one worker", "time of workers by stage"),
            f"All fits on these faces: {sum(count.values())} in {hours(sum(spent.values()))}. "
            f"Stopping trials early saved {hours(pruned)}, answering from the store "
            f"{hours(stored)}.",
        )
    ]
    if run.ledger:
        figures.append(
            Figure(
                "The ledger of tuning",
                table(
                    ("model", "pipeline", "stage", "device-hours"),
                    [
                        (
                            r["model"],
                            r["pipeline"],
                            r["stage"],
                            f"{cell(r, 'device_hours') or 0:.3f}",
                        )
                        for r in run.ledger
                    ],
                    words=3,
                ),
                made_by=run.made_by("tuning"),
                folded=len(run.ledger) > 9,
            )
        )
    return Section("costs", "What it cost", (), figures)
