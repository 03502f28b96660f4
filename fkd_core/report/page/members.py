"""Section: what each member brings, and how alike their errors are."""

from __future__ import annotations

from html import escape

from fkd_core.ensemble.said import Said
from fkd_core.report.page.drawing import NARROW, both
from fkd_core.report.page.found import Found, cell, estimate
from fkd_core.report.page.plain import hours, interval
from fkd_core.report.page.rows import Row, whiskers
from fkd_core.report.page.section import Figure, Section, table
from fkd_core.sources import SOURCES


def member_section(run: Found) -> Section | None:
    """Contributions, correlations and ways to combine; None without an ensemble."""
    figures = []
    made_by = run.made_by("ensemble")
    for source in SOURCES:
        members = run.tables.get(f"members-{source}", ())
        if not members:
            continue
        figures.append(
            Figure(
                f"Members on {source} faces",
                table(
                    ("member", "out of fold, px", "on final, px", "correlation", "views change",
                     "parameters", "worker time"),
                    [
                        (
                            row["member"],
                            interval(cell(row, "rmse_out_of_fold"), None, None),
                            interval(*estimate(row, "rmse_on_final")),
                            interval(cell(row, "correlation"), None, None),
                            interval(cell(row, "tta"), None, None, signed=True),
                            f"{int(row['parameters']):,}",
                            hours(cell(row, "seconds") or 0.0),
                        )
                        for row in members
                    ],
                ),
                "Correlation: of its errors with the other members', on average. Views change: "
                "what predicting mirrored or moved pictures too does; negative is better.",
                made_by,
            )
        )  # fmt: skip
        ranks = {row["member"]: estimate(row, "rank") for row in members}
        if all(rank[0] is not None for rank in ranks.values()):
            figures.append(
                Figure(
                    f"Which is best from fold to fold, {source} faces",
                    whiskers(
                        [
                            Row(name, *rank, beside=f"{rank[0]:.1f}")
                            for name, rank in sorted(
                                ranks.items(), key=lambda each: each[1][0] or 0
                            )
                        ],
                        "mean rank, 1 is best in every fold",
                        "ranks of members",
                    ),
                    "Two members differ surely where their bars do not overlap (critical "
                    "difference: Friedman's test and Nemenyi's). Few folds tell few apart.",
                    made_by,
                )
            )
        rows = [
            Row(
                row["member"], cell(row, "without_it"), low := cell(row, "without_it_low"),
                high := cell(row, "without_it_high"),
                "unsure" if low is None or high is None or low <= 0 <= high
                else "good" if low > 0 else "bad",
                f"{interval(cell(row, 'without_it'), None, None, signed=True)} px",
            )
            for row in members
            if cell(row, "without_it") is not None
        ]  # fmt: skip
        if rows:
            figures.append(
                Figure(
                    f"What the ensemble loses without each member, {source} faces",
                    whiskers(rows, "rise of RMSE on set final, px", "contributions", zero=True),
                    "Right of 0: it is missed. Left: the others do better without it.",
                    made_by,
                )
            )
        half = run.said.get(source)
        if half is not None and len(half.members) > 1:
            figures.append(
                Figure(
                    f"How alike members err, {source} faces",
                    correlations(half),
                    "Correlation of errors out of fold, 1 for equal errors. The less alike, the "
                    "more there is to gain by combining.",
                    made_by,
                    folded=len(half.members) > 8,
                )
            )
        stackers = run.tables.get(f"stackers-{source}", ())
        if stackers:
            figures.append(
                Figure(
                    f"Ways to combine them, {source} faces",
                    table(
                        ("way", "by cross-validation, px", "against the mean", "on final, px"),
                        [
                            (
                                f"{row['stacker']}{' (ships)' if row.get('ships') else ''}",
                                interval(*estimate(row, "rmse_by_cv")),
                                interval(*estimate(row, "against_mean"), signed=True),
                                interval(cell(row, "rmse_on_final"), None, None),
                            )
                            for row in stackers
                        ],
                    ),
                    "The plain mean ships unless another way beats it with confidence in "
                    "cross-validation.",
                    made_by,
                )
            )  # fmt: skip
    return Section("members", "The members", (), figures) if figures else None


def correlations(half: Said) -> str:
    """The matrix of correlations as squares."""
    names = [str(name) for name in half.members]

    def draw(width: int) -> str:
        count = len(names)
        left = min(width * 0.4, 20 + 6.6 * max(map(len, names)))
        side = min(64.0, (width - left - 10) / count)
        parts = []
        for i in range(count):
            y = 26 + side * i
            label = (
                names[i] if len(names[i]) * 6.6 < left else f"{names[i][: int(left / 6.6) - 2]}…"
            )
            parts.append(
                f'<text x="{left - 8:.0f}" y="{y + side / 2 + 4:.0f}" text-anchor="end">'
                f"{escape(f'{i + 1} {label}')}</text>"
                f'<text class="soft" x="{left + side * (i + 0.5):.0f}" y="18" '
                f'text-anchor="middle">{i + 1}</text>'
            )
            for j in range(count):
                value = float(half.correlation[i, j])
                x = left + side * j
                box = f"{side - 2:.1f}"
                parts.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{box}" height="{box}" '
                    f'rx="3" class="f-s0" fill-opacity="{max(0.0, value) * 0.28:.2f}"><title>'
                    f"{escape(f'{names[i]}, {names[j]}: {value:.2f}')}</title></rect>"
                )
                if side > (24 if width == NARROW else 26):
                    parts.append(
                        f'<text x="{x + side / 2 - 1:.1f}" y="{y + side / 2 + 4:.1f}" '
                        f'text-anchor="middle">{value:.2f}</text>'
                    )
        tall = 30 + side * count
        return (
            f'<svg class="chart" viewBox="0 0 {width} {tall:.0f}" role="img" '
            f'style="max-width:{width * 1.25:.0f}px" aria-label="correlations of errors">'
            f"{''.join(parts)}</svg>"
        )

    return both(draw)
