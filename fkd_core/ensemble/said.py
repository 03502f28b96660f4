"""What an ensemble said, kept beside it for whoever shows it: ``predictions.npz``.

A few bytes a face.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.arrays import read_plain, write_plain
from fkd_core.ensemble.stacking.stack import Stacked
from fkd_core.sources import SOURCES

PREDICTIONS = "predictions.npz"


@dataclass(frozen=True, eq=False)
class Said:
    """Of one source's n faces, m test images and M members."""

    row: NDArray[np.int32]
    """[n] which faces: ``Faces.row``."""
    final: NDArray[np.bool_]
    """[n] whether they are of set final."""
    points: NDArray[np.float32]
    """[n, p, 2] px by what ships, each from fits and stackers that never saw the face: fitted on
    sets search and confirm for set final, by cross-validation for the others."""
    members: NDArray[np.str_]
    """[M] their names."""
    correlation: NDArray[np.float32]
    """[M, M] of the members' errors out of fold."""
    test_id: NDArray[np.int32]
    """[m] ImageIds."""
    test: NDArray[np.float32]
    """[m, p, 2] px by what ships."""


def said(stacked: Stacked, rows: NDArray[np.int32], test_ids: NDArray[np.int32] | None) -> Said:
    """Of one half; `rows` are those of all faces."""
    table = stacked.table
    chosen_on = table.chosen_on
    points = np.empty(table.truth.shape, np.float32)
    judged = next(one for one in stacked.judged if one.name == stacked.name)
    points[chosen_on] = judged.predictions.reshape(-1, *table.truth.shape[1:])
    points[~chosen_on] = stacked.final[stacked.name]
    error = (table.own - table.truth)[:, np.isfinite(table.truth)]
    return Said(
        row=np.asarray(rows[table.index], np.int32),
        final=~chosen_on,
        points=points,
        members=np.array(table.members),
        correlation=np.atleast_2d(np.corrcoef(error)).astype(np.float32),
        test_id=np.asarray([] if test_ids is None else test_ids, np.int32),
        test=np.asarray(stacked.tests, np.float32),
    )


def write_said(folder: Path, halves: Mapping[str, Said]) -> Path:
    """Keeps what was said, by source; gives the file."""
    arrays: dict[str, Any] = {
        f"{source}.{field.name}": getattr(half, field.name)
        for source, half in halves.items()
        for field in fields(Said)
    }
    path = folder / PREDICTIONS
    write_plain(path, arrays)
    return path


def read_said(folder: Path) -> dict[str, Said]:
    """The halves by source; none where there is no such file, or it is damaged."""
    arrays = read_plain(folder / PREDICTIONS)
    try:
        return {
            source: Said(**{f.name: arrays[f"{source}.{f.name}"] for f in fields(Said)})
            for source in SOURCES
            if f"{source}.row" in arrays
        }
    except KeyError:
        return {}
