"""Suspects: all faces, those whose labels are most likely wrong first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from fkd_core.audit.explanations import explain
from fkd_core.audit.opinions import opinions
from fkd_core.audit.student import Array
from fkd_core.data.faces import Faces
from fkd_core.data.grouping import digests
from fkd_core.ensemble.table import Table
from fkd_core.keypoints import KEYPOINTS
from fkd_core.sources import PIPELINES
from fkd_core.tables import write_table

COLUMNS = (
    "rank", "row", "image", "source", "score", "probability", "reason", "keypoints", "off_px",
    "error_px", "fits_row",
)  # fmt: skip
"""Of the table of suspects."""


@dataclass(frozen=True, eq=False)
class Suspect:
    """One face and what seems to be wrong with its labels. Points are of all KEYPOINTS, px, NaN
    where there is none."""

    face: int
    """Position in Faces."""
    row: int
    """Data row of training.csv."""
    image: str
    """SHA-256 of its pixels, hex: what a table of corrections calls it."""
    source: str
    score: float
    """Log odds that something is wrong, above 0 where that is more likely than not."""
    reason: str
    """A name in ``explanations.PRIOR``."""
    keypoints: tuple[int, ...]
    """The wrong ones by that reason, as indices into KEYPOINTS."""
    given: Array
    """[15, 2] the labels."""
    said: Array
    """[15, 2] what the models say together."""
    proposed: Array
    """[15, 2] labels as the reason would have them; NaN takes one away."""
    fits_row: int | None
    """Data row of the face whose labels these seem to be."""

    @property
    def flagged(self) -> bool:
        """Whether it is more likely wrong than right."""
        return self.score > 0

    @property
    def off(self) -> float:
        """Longest way from a wrong label to the opinion, px."""
        apart = np.hypot(*(self.given - self.said)[list(self.keypoints)].T)
        return float(np.nanmax(apart, initial=0.0))

    @property
    def squared(self) -> float:
        """Squared error of the opinion on all labels, px^2."""
        return float(np.nansum((self.given - self.said) ** 2))


def ranked(tables: Mapping[str, Table], faces: Faces) -> list[Suspect]:
    """All faces of these out-of-fold tables, most suspect first."""
    found = []
    names = [digest.tobytes().hex() for digest in digests(faces.images)]
    for source, table in tables.items():
        keypoints = list(PIPELINES[source].keypoints)
        common = opinions(table)
        told = explain(table.truth, common, table.group, keypoints)
        given, said, proposed = (
            _spread_out(each, keypoints) for each in (table.truth, common.said, told.proposed)
        )
        for i, face in enumerate(table.index):
            other = told.fits_row[i]
            found.append(
                Suspect(
                    int(face),
                    int(faces.row[face]),
                    names[face],
                    source,
                    float(told.score[i]),
                    told.reason[i],
                    tuple(keypoints[k] for k in np.flatnonzero(told.points[i])),
                    given[i],
                    said[i],
                    proposed[i],
                    int(faces.row[table.index[other]]) if other >= 0 else None,
                )
            )
    return sorted(found, key=lambda suspect: (-suspect.score, suspect.row))


def left_out(faces: Faces, suspects: Sequence[Suspect]) -> Faces:
    """The faces without the labels that these call wrong."""
    points = faces.points.copy()
    for suspect in suspects:
        points[suspect.face, list(suspect.keypoints)] = np.nan
    return replace(faces, points=points)


def write_suspects(path: Path, suspects: Sequence[Suspect]) -> None:
    """As a CSV file, see COLUMNS: how far off the worst wrong label is, and the RMSE of all."""
    rows = [
        {
            "rank": rank,
            "row": each.row,
            "image": each.image,
            "source": each.source,
            "score": round(each.score, 3),
            "probability": round(float(expit(each.score)), 4),
            "reason": each.reason,
            "keypoints": " ".join(KEYPOINTS[k] for k in each.keypoints),
            "off_px": round(each.off, 2),
            "error_px": round(float(np.sqrt(each.squared / _marked(each))), 3),
            "fits_row": each.fits_row,
        }
        for rank, each in enumerate(suspects, start=1)
    ]
    write_table(path, rows, COLUMNS)


def _marked(suspect: Suspect) -> int:
    """How many coordinates are labelled."""
    return max(1, int(np.isfinite(suspect.given).sum()))


def _spread_out(points: NDArray[np.floating], keypoints: Sequence[int]) -> Array:
    """[n, 15, 2] from the points [n, p, 2] of some keypoints."""
    whole = np.full((len(points), len(KEYPOINTS), 2), np.nan)
    whole[:, list(keypoints)] = points
    return whole
