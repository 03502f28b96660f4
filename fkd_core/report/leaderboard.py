"""The leaderboard: what was measured on set final, whose faces chose nothing, in one table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from fkd_core.data.faces import Faces

COLUMNS = ["pipeline", "what", "rmse", "low", "high", "preset", "date", "command"]
"""``rmse`` with its 95% interval in px; ``what`` is a tuned model or an arm of an ensemble."""


def leaderboard(best: Path, ensemble: Path, faces: Faces) -> pd.DataFrame:
    """The tuned models below the folder `best` and the arms of the ensemble that were measured on
    these pictures, best first within each pipeline; empty where nothing was."""
    rows = [*_tuned(best), *_arms(ensemble)]
    own = [row for row in rows if row.pop("pictures", None) == faces.pictures[:16]]
    table = pd.DataFrame(own, columns=COLUMNS)
    return table.sort_values(["pipeline", "rmse"], ignore_index=True)


def _tuned(best: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(best.glob("*/*.json")):
        content = _json(path)
        rmse = content.get("evidence", {}).get("rmse_final")
        if rmse:
            values = dict(zip(("rmse", "low", "high"), rmse, strict=False))
            made = _made(content)
            yield {"pipeline": path.parent.name, "what": f"{path.stem}, tuned", **values, **made}


def _arms(ensemble: Path) -> Iterator[dict[str, Any]]:
    path = ensemble / "score.csv"
    if not path.exists():
        return
    made = _made(_json(ensemble / "config.json"))
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name in (column.removesuffix("_low") for column in row if column.endswith("_low")):
                if name in row and row[name] and not name.startswith("against"):
                    values = {"rmse": row[name], "low": row[f"{name}_low"]}
                    values["high"] = row[f"{name}_high"]
                    numbers = {key: float(value) for key, value in values.items()}
                    pipeline = "as the competition weights" if name == "score" else name
                    yield {"pipeline": pipeline, "what": row[""], **numbers, **made}


def _made(content: dict[str, Any]) -> dict[str, Any]:
    made_by = content.get("made_by", {})
    return {name: made_by.get(name) for name in ("preset", "date", "command", "pictures")}


def _json(path: Path) -> dict[str, Any]:
    """Empty where it cannot be read: then nothing is known of it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
