"""The leaderboard: what was measured on set final, whose faces chose nothing, in one table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from fkd_core.data.faces import Faces
from fkd_core.files import read_json
from fkd_core.inventory.recorded import measured, part_scored
from fkd_core.runs import SCORE
from fkd_core.tables import rows_of

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
        content = read_json(path)
        rmse = content.get("evidence", {}).get("rmse_final")
        if rmse:
            values = dict(zip(("rmse", "low", "high"), rmse, strict=False))
            made = _made(content)
            yield {"pipeline": path.parent.name, "what": f"{path.stem}, tuned", **values, **made}


def _arms(ensemble: Path) -> Iterator[dict[str, Any]]:
    made = _made(read_json(ensemble / "config.json"))
    part = next(map(part_scored, rows_of(ensemble / SCORE)), "")
    whole = part or "as the competition weights"
    for arm, name, (rmse, low, high) in measured(ensemble / SCORE):
        if not name.startswith("against"):
            pipeline = whole if name == "score" else name
            numbers = {"rmse": rmse, "low": low, "high": high}
            yield {"pipeline": pipeline, "what": arm, **numbers, **made}


def _made(content: dict[str, Any]) -> dict[str, Any]:
    made_by = content.get("made_by", {})
    return {name: made_by.get(name) for name in ("preset", "date", "command", "pictures")}
