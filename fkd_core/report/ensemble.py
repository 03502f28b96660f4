"""Tables of an ensemble: what is to be trained, what each part contributed, what it all scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.score import score
from fkd_core.ensemble.shipping import Shrunk
from fkd_core.ensemble.stacking.stack import Contribution, Stacked
from fkd_core.ensemble.table import Table
from fkd_core.evidence import Pool, difference, ranking, rmse
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.keypoints import KEYPOINTS
from fkd_core.protocols.estimates import Speed, seconds_a_fit
from fkd_core.report.sheet import Sheet


@dataclass(frozen=True)
class Cost:
    """What a member took to train."""

    parameters: int
    seconds: float
    """Of all its fits together."""


def cost(specs: Sequence[FitSpec], fits: Fits) -> Cost:
    """Of a member's fits, from the store, once they are done."""
    done = [found for spec in specs if isinstance(found := fits.get(spec), FitResult)]
    seconds = sum(sum(result.seconds.values()) for result in done)
    return Cost(done[0].parameters if done else 0, seconds)


def plan_sheet(arms: Mapping[str, OutOfFold], fits: Fits, speed: Speed) -> Sheet:
    """Which fits of these ensembles, by name, are missing, and how long they should take."""
    rows, known = [], fits.store.rows(failure="")
    counted: set[FitSpec] = set()
    for arm, ensemble in arms.items():
        for member in ensemble.members:
            needed = ensemble.fits_of(member)
            # Fits that align a member may be another member's too.
            missing = [fit for fit in fits.lacking(needed, True) if fit not in counted]
            counted.update(missing)
            each = [seconds_a_fit(fit, known, ensemble.faces, speed(fit.model)) for fit in missing]
            whole = set(needed) - set(member.fits)
            folds = [
                f"{'all' if fit in whole else fit.split.fold}/{fit.seed}"
                for fit in missing
                if fit in needed
            ]
            rows.append(
                {
                    "for": arm,
                    "pipeline": member.pipeline,
                    "model": member.name,
                    "epochs": member.spec.training.epochs,
                    "fits": len(needed),
                    "missing (fold/seed)": " ".join(folds) or "none",
                    "core-min": f"{sum(each) / 60:.1f}",
                }
            )
    note = "core-min: minutes of one core." if counted else "Nothing is missing."
    return Sheet("fits", "Fits", rows, note)


def member_sheet(
    stacked: Stacked, contributions: Sequence[Contribution], costs: Sequence[Cost]
) -> Sheet:
    """One row a Level-1 model."""
    errors = stacked.table.errors_by_fold()
    ranked = ranking(errors) if min(errors.shape) > 1 else None
    ranks = ranked.intervals if ranked else [None] * len(costs)
    rows = [
        {
            "member": each.member,
            "RMSE out of fold": each.out_of_fold,
            "rank": rank,
            "RMSE on final": each.final,
            "correlation": each.correlation,
            "without it": each.left_out,
            "TTA": each.tta,
            "parameters": paid.parameters,
            "seconds": round(paid.seconds),
        }
        for each, rank, paid in zip(contributions, ranks, costs, strict=True)
    ]
    told = (
        f"Rank: mean over {ranked.blocks} folds, with intervals that do not overlap where two "
        f"members differ surely; by chance ranks scatter so with p {ranked.p:.2g}. "
        if ranked
        else ""
    )
    note = (
        f"px, 95% intervals. {told}Correlation: of errors, with the other members'. Without it: "
        "by what the ensemble's RMSE on set final rises. TTA: what test-time augmentation changes "
        "there."
    )
    name = stacked.table.pipeline
    return Sheet(f"members-{name}", f"{name}: members", rows, note)


def stacker_sheet(stacked: Stacked) -> Sheet:
    """One row a way to combine them: judged by cross-validation, then scored on set final."""
    mean = stacked.table.final_pool(stacked.final["mean"])
    rows = []
    for each in stacked.judged:
        own = stacked.table.final_pool(stacked.final[each.name])
        rows.append(
            {
                "stacker": each.name,
                "ships": "yes" if each.name == stacked.name else "",
                "RMSE by CV": each.rmse.value,
                "against mean": each.difference,
                "RMSE on final": rmse([own]).value,
                "against mean there": difference([own], [mean]) if each.name != "mean" else None,
                "seconds": each.seconds,
            }
        )
    name = stacked.table.pipeline
    told = [f"{each}: {', '.join(notes)}" for each, notes in stacked.notes.items() if notes]
    more = f" Of the fits that were scored on set final: {'; '.join(told)}." if told else ""
    return Sheet(
        f"stackers-{name}",
        f"{name}: ways to combine them",
        rows,
        f"Cross-validated on sets search and confirm, px: {stacked.reason}{more}",
    )


Points = NDArray[np.float64]
Arm = Mapping[str, Points]
"""Predictions of set final by pipeline, [n', p, 2] each."""


def own_arms(stacked: Mapping[str, Stacked]) -> dict[str, Arm]:
    """What ships, the plain mean, and the member that is best on sets search and confirm."""
    arms: dict[str, dict[str, Points]] = {"ensemble": {}, "mean": {}, "best_member": {}}
    for each in stacked.values():
        arms["ensemble"] |= each.said(each.name)
        arms["mean"] |= each.said("mean")
        arms["best_member"] |= _best_member(each.table)
    return {**arms}


def _best_member(table: Table) -> dict[str, Points]:
    rows = table.chosen_on
    pools = [Pool.of_points(own[rows], table.truth[rows], table.group[rows]) for own in table.own]
    best = int(np.argmin([pool.mse for pool in pools]))
    return {
        source: np.asarray(each.own[best][~each.chosen_on], np.float64)
        for source, each in table.scored.items()
    }


def score_sheet(
    arms: Mapping[str, Arm],
    tables: Mapping[str, Table],
    weights: Mapping[str, float],
    copies: NDArray[np.bool_],
    covers: float | None = None,
) -> Sheet:
    """One row an arm: its RMSE on set final, and how much worse it is than the first; `covers` is
    the share of what the competition requests that these tables speak for.

    `copies` [N] marks the faces whose pixels equal a test image's; if there are any in set final,
    the first arm is scored without them too.
    """

    def pools(arm: Arm, kept: NDArray[np.bool_]) -> dict[str, Pool]:
        return {p: tables[p].final_pool(arm[p], weights[p], kept[tables[p].index]) for p in arm}

    everyone = np.ones_like(copies)
    scored = {name: pools(arm, everyone) for name, arm in arms.items()}
    first = next(iter(scored.values()))
    if any((copies[table.index] & ~table.chosen_on).any() for table in tables.values()):
        name = next(iter(arms))
        scored[f"{name}_without_copies"] = pools(arms[name], ~copies)
    rows = []
    for name, own in scored.items():
        row: dict[str, Any] = {"arm": name, "score": rmse(list(own.values()))}
        row |= {pipeline: rmse([replace(pool, weight=1.0)]) for pipeline, pool in own.items()}
        same = own is not first and name in arms
        apart = difference(list(own.values()), list(first.values())) if same else None
        rows.append(row | {"against the ensemble": apart, "covers": covers})
    return Sheet(
        "score",
        "What it scores on set final",
        rows,
        "RMSE, px, 95% intervals. Score: pipelines weighted by the coordinates that the "
        "competition requests of each. Covers: the share of all requests that these are. Copies: "
        "faces whose pixels equal a test image's.",
    )


def keypoint_sheet(stacked: Mapping[str, Stacked], weights: Mapping[str, float]) -> Sheet:
    """RMSE of each keypoint on set final."""
    rows = {name: ~each.table.chosen_on for name, each in stacked.items()}
    errors = score(
        {name: each.table.truth[rows[name]] for name, each in stacked.items()},
        {name: each.final[each.name] for name, each in stacked.items()},
        {name: each.table.group[rows[name]] for name, each in stacked.items()},
        weights,
    ).keypoints
    names = [name for name in KEYPOINTS if any(name in each for each in errors.values())]
    cells = [{"keypoint": name} | {p: errors[p].get(name) for p in errors} for name in names]
    return Sheet("keypoints", "Keypoints on set final", cells, "RMSE, px.")


def compact_sheet(shrunk: Sequence[Shrunk]) -> Sheet:
    """What a smaller ensemble keeps, and what that costs."""
    rows = [
        {
            "pipeline": each.half.pipeline,
            "kept (fits)": ", ".join(f"{name} ({n})" for name, n in each.fits.items()),
            "megabytes": each.megabytes,
            "cost": each.cost,
        }
        for each in shrunk
    ]
    note = "Cost: what RMSE on set final rises by against the whole ensemble, px, 95% interval."
    return Sheet("compact", "The compact ensemble", rows, note)


def write(folder: Path, sheets: Sequence[Sheet]) -> None:
    """Every table as CSV."""
    for sheet in sheets:
        sheet.write(folder)
