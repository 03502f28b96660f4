"""Section: what the ensemble scores, beside what it is made of and the reference."""

from __future__ import annotations

from fkd_core.inventory.recorded import part_scored
from fkd_core.report.page.found import Found, cell, estimate
from fkd_core.report.page.plain import interval
from fkd_core.report.page.plots import Series, Spot, lines
from fkd_core.report.page.rows import Row, whiskers
from fkd_core.report.page.section import Figure, Section, command_of
from fkd_core.sources import SOURCES
from fkd_core.tables import Cells


def score_section(run: Found) -> Section:
    """Scores with intervals, all together and by pipeline, and whether promises were kept."""
    arms = run.tables.get("score", ())
    if not arms:
        command = command_of("build_ensemble", run.options)
        return Section(
            "scores", "Score", missing=[("No ensemble is here; this builds one:", command)]
        )
    made_by = run.made_by("ensemble")
    part = part_scored(arms[0])
    figures = [
        Figure(
            f"Score, of {part}" if part else "Score, as the competition weights it",
            whiskers([_row(row["arm"], row, "score") for row in arms], "RMSE, px", "scores"),
            "RMSE on set final with 95% intervals; left is better. Pipelines are weighted by the "
            "coordinates that the competition requests of each.",
            made_by,
        )
    ]
    for source in SOURCES:
        rows = [_row(row["arm"], row, source) for row in arms if cell(row, source) is not None]
        rows += [
            _row(row["member"], row, "rmse_on_final", "unsure")
            for row in run.tables.get(f"members-{source}", ())
        ]
        if rows:
            figures.append(
                Figure(
                    f"The same on {source} faces alone, with every member",
                    whiskers(rows, "RMSE, px", f"scores on {source} faces"),
                    "Hollow: single models.",
                    made_by,
                )
            )
    words = ["How far predictions lie from the labels, on faces that no choice was made by."]
    return Section("scores", "Score", words, figures)


def _row(name: str, row: Cells, column: str, look: str = "") -> Row:
    value, low, high = estimate(row, column)
    chosen = look or ("good" if name == "ensemble" else "same")
    return Row(
        name.replace("_", " "), value, low, high, chosen, f"{interval(value, low, high)} px"
    )


def promise_section(run: Found) -> Section | None:
    """What was promised by faces that chose, against faces that did not; None without any."""
    figures = []
    for source in SOURCES:
        spots = [
            Spot(x, y, "s0", f"{row['member']}: {x:.3f} promised, {y:.3f} found",
                 cell(row, "rmse_on_final_low"), cell(row, "rmse_on_final_high"))
            for row in run.tables.get(f"members-{source}", ())
            if (x := cell(row, "rmse_out_of_fold")) is not None
            and (y := cell(row, "rmse_on_final")) is not None
        ]  # fmt: skip
        spots += [
            Spot(x, y, "s1", f"{row['stacker']}: {x:.3f} promised, {y:.3f} found")
            for row in run.tables.get(f"stackers-{source}", ())
            if (x := cell(row, "rmse_by_cv")) is not None
            and (y := cell(row, "rmse_on_final")) is not None
        ]
        if spots:
            figures.append(
                Figure(
                    f"Out of fold against held out, {source} faces",
                    _KEYS + _promised(spots, "out of fold, px", "on set final, px"),
                    "Members: RMSE out of fold over all faces, set final among them; ways to "
                    "combine them: by cross-validation on sets search and confirm. On the dashed "
                    "line the promise was kept; above it, choosing flattered or the final faces "
                    "are harder. Bars: 95% intervals.",
                    run.made_by("ensemble"),
                )
            )
    gains = [
        Spot(x, y, "s0", f"{model}, {pipeline}, {row['configuration']}: {x:+.3f}, {y:+.3f}",
             cell(row, "low"), cell(row, "high"))
        for (pipeline, model), rows in run.candidates.items()
        for row in rows
        if (x := cell(row, "searched_gain")) is not None
        and (y := cell(row, "effect")) is not None
    ]  # fmt: skip
    if gains:
        figures.append(
            Figure(
                "Gains that a search promised, and what was left of them",
                _promised(gains, "gain on set search, px", "gain on set confirm, px"),
                "Each dot is a configuration that came to set confirm; negative gains are better. "
                "Above the dashed line the search had flattered.",
                run.made_by("tuning"),
            )
        )
    if not figures:
        return None
    return Section("promises", "Were promises kept?", (), figures)


_KEYS = (
    '<div class="keys"><span><i style="background:var(--s0)"></i>members</span>'
    '<span><i style="background:var(--s1)"></i>ways to combine them</span></div>'
)


def _promised(spots: list[Spot], x: str, y: str) -> str:
    none: list[Series] = []
    return lines(none, x, y, "promised against found", spots=spots, diagonal=True, square=True)
