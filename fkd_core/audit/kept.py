"""What was said of the most suspect faces, kept beside their table for whoever shows it:
``suspects.npz``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.arrays import read_plain, write_plain

if TYPE_CHECKING:
    from fkd_core.audit.suspects import Suspect

POINTS = "suspects.npz"


@dataclass(frozen=True, eq=False)
class Points:
    """Of n faces, the most suspect first; px, NaN where there is no label."""

    row: NDArray[np.int32]
    """[n] which faces: ``Faces.row``."""
    given: NDArray[np.float32]
    """[n, 15, 2] the labels."""
    said: NDArray[np.float32]
    """[n, 15, 2] what the models say together."""


def write_points(folder: Path, suspects: Sequence[Suspect]) -> None:
    """Keeps the points of these."""
    points = {
        "row": np.array([each.row for each in suspects], np.int32),
        "given": np.array([each.given for each in suspects], np.float32),
        "said": np.array([each.said for each in suspects], np.float32),
    }
    write_plain(folder / POINTS, points)


def read_points(folder: Path) -> Points | None:
    """None where there is no such file, or it is damaged."""
    arrays = read_plain(folder / POINTS)
    try:
        return Points(arrays["row"], arrays["given"], arrays["said"])
    except KeyError:
        return None
