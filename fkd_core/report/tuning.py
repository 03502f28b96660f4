"""Tables of tuned models."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fkd_core.protocols.tuned import Tuned
from fkd_core.report.shown import Shown
from fkd_core.runs import TUNED
from fkd_core.tables import read_table, write_table

COLUMNS = (
    "pipeline", "model", "rmse", "low", "high", "gain", "gain_low", "gain_high", "parameters",
    "fit_seconds", "device_hours", "trials", "pruned", "failed", "winner", "command",
)  # fmt: skip
"""Of results.csv: RMSE of the winner on set final and its 95% interval, px; its gain over the
reference's configuration there (negative is better; empty where the reference won)."""


LEDGER = ("pipeline", "model", "stage", "device_hours")


def check(folder: Path) -> None:
    """Raises UserError where a table that rows will be added to cannot be read."""
    for name in (TUNED, "ledger.csv"):
        read_table(folder / name)


def write_tuned(folder: Path, tuned: Tuned, share: float, made_by: Mapping[str, Any]) -> None:
    """All that tells of one model and pipeline: its rows of results.csv and ledger.csv, its
    candidates. `share` is the share of a device that a worker holds."""
    plan = tuned.plan
    mine = {"pipeline": plan.pipeline, "model": plan.model}
    _update(folder / TUNED, COLUMNS, [mine | _row(tuned, share, made_by["command"])])
    hours = [
        mine | {"stage": stage, "device_hours": seconds * share / 3600}
        for stage, seconds in tuned.costs.items()
    ]
    _update(folder / "ledger.csv", LEDGER, hours)
    stem = folder / plan.pipeline / plan.model
    _write_candidates(stem.with_name(f"{stem.name}-candidates.csv"), tuned)


def _row(tuned: Tuned, share: float, command: str) -> dict[str, Any]:
    rmse, low, high = tuned.rmse
    final = tuned.final
    gain = {"gain": final.effect, "gain_low": final.low, "gain_high": final.high} if final else {}
    return {
        **{"rmse": rmse, "low": low, "high": high, **gain},
        "parameters": tuned.parameters,
        "fit_seconds": tuned.fit_seconds,
        "device_hours": sum(tuned.costs.values()) * share / 3600,
        "trials": sum(tuned.states.values()),
        "pruned": tuned.states.get("PRUNED", 0),
        "failed": tuned.states.get("FAIL", 0),
        "winner": tuned.winner.name,
        "command": command,
    }


def _update(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Puts rows into a table in place of those of the same pipeline and model; a file of another
    form is replaced."""
    changed = {(row["pipeline"], row["model"]) for row in rows}
    kept = [row for row in _read(path, columns) if (row["pipeline"], row["model"]) not in changed]
    both = sorted([*kept, *rows], key=lambda row: (row["pipeline"], row["model"]))
    write_table(path, both, columns)


def _read(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    rows = read_table(path)
    return rows if rows and tuple(rows[0]) == tuple(columns) else []


def result_table(folder: Path, title: str) -> Shown:
    """The folder's results.csv for a terminal."""
    columns = (
        "pipeline", "model", "RMSE px", "against reference", "parameters", "s a fit", "hours",
    )  # fmt: skip
    rows = [
        (
            r["pipeline"],
            r["model"],
            "{:.3f} ({:.3f}..{:.3f})".format(*(float(r[c]) for c in ("rmse", "low", "high"))),
            "{:+.3f} ({:+.3f}..{:+.3f})".format(
                *(float(r[c]) for c in ("gain", "gain_low", "gain_high"))
            )
            if r["gain"]
            else "is the best",
            f"{int(r['parameters']):,}",
            f"{float(r['fit_seconds']):.0f}",
            f"{float(r['device_hours']):.3f}",
        )
        for r in _read(folder / TUNED, COLUMNS)
    ]
    return Shown(f"{title} (95% intervals)", columns, rows)


def candidate_table(tuned: Tuned) -> Shown:
    """Who came to set confirm, the winner first: what the search promised, what was kept, and how
    likely each is to be the best of them."""
    plan = tuned.plan
    columns = (
        "configuration", "RMSE px", "is the best", "against reference", "95% interval",
        "on set search",
    )  # fmt: skip
    rows = [
        (
            candidate.name,
            f"{candidate.confirmed:.3f}",
            "" if math.isnan(candidate.best) else f"{candidate.best:.0%}",
            f"{c.effect:+.3f}" if (c := candidate.comparison) else "",
            f"{c.low:+.3f} .. {c.high:+.3f}" if c else "",
            f"{candidate.searched_gain:+.3f}" if c else "",
        )
        for candidate in tuned.candidates
    ]
    return Shown(f"{plan.model}, {plan.pipeline}: on set confirm", columns, rows)


def sureness(tuned: Tuned) -> str:
    """How sure it is that the winner is the best, in a sentence."""
    winner, others = tuned.winner, len(tuned.candidates) - 1
    if not others:
        return f"{winner.name} is the only one that came to set confirm."
    return (
        f"{winner.name} wins; that it is the best of these {others + 1} has a probability of "
        f"{winner.best:.0%}."
    )


def _write_candidates(path: Path, tuned: Tuned) -> None:
    """The same as CSV, with every configuration as JSON."""
    columns = (
        "configuration", "searched", "searched_gain", "confirmed", "best", "effect", "low", "high",
        "spec",
    )  # fmt: skip
    rows = [
        {
            "configuration": candidate.name,
            "searched": candidate.searched,
            "searched_gain": candidate.searched_gain,
            "confirmed": candidate.confirmed,
            "best": candidate.best,
            "spec": json.dumps(candidate.spec.to_json()),
        }
        | (
            {"effect": c.effect, "low": c.low, "high": c.high}
            if (c := candidate.comparison)
            else {}
        )
        for candidate in tuned.candidates
    ]
    write_table(path, rows, columns)
