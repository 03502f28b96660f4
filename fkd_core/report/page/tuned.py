"""What tuning models found: figures of the section on searches."""

from __future__ import annotations

from collections.abc import Sequence

from fkd_core.report.page.found import Found, cell, three
from fkd_core.report.page.plain import interval, px
from fkd_core.report.page.rows import Row, whiskers
from fkd_core.report.page.section import Figure, table
from fkd_core.tables import Cells


def tuned_figures(run: Found) -> list[Figure]:
    """The winners on set final, and whom they met on set confirm."""
    figures = []
    made_by = run.made_by("tuning")
    if run.tuned:
        rows = []
        for row in run.tuned:
            value, low, high = (cell(row, name) for name in ("rmse", "low", "high"))
            won = cell(row, "gain") is not None
            rows.append(
                Row(
                    f"{row['model']}, {row['pipeline']}", value, low, high,
                    "good" if won else "same",
                    f"{interval(value, low, high)} px",
                )
            )  # fmt: skip
        figures.append(
            Figure(
                "Tuned models on faces that chose nothing",
                whiskers(rows, "RMSE, px", "tuned models"),
                "RMSE of each winner on set final, with its 95% interval. Circle: found by the "
                "search; square: the reference's configuration stayed the best.",
                made_by,
            )
        )
    for (pipeline, model), met in run.candidates.items():
        figures.append(
            Figure(
                f"{model}, {pipeline}: who came to set confirm",
                table(
                    (
                        "configuration",
                        "is the best",
                        "on confirm, px",
                        "against the reference",
                        "on search, px",
                    ),
                    [_candidate(row) for row in met],
                ),
                "Is the best: how probable it is, by the fits on set confirm, that none of the "
                "others errs less.",
                made_by,
            )
        )
    return figures


def _candidate(row: Cells) -> Sequence[str]:
    best = cell(row, "best")
    return (
        row["configuration"],
        "" if best is None else f"{best:.0%}",
        px(cell(row, "confirmed")),
        interval(*three(row, "effect", "low", "high"), signed=True),
        px(cell(row, "searched")),
    )
