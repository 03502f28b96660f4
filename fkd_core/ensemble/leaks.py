"""The check that no photograph lies on both sides of a fold."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fkd_core.errors import UserError


def check_apart(
    group: NDArray[np.integer],
    deals: Iterable[NDArray[np.integer]],
    row: NDArray[np.integer],
) -> None:
    """Raises UserError where two images of one group [n] lie in different folds of a deal [n], -1
    for what is in none; `row` [n] names them.

    Groups are to be those that ``data.grouping.photographs`` finds in the pixels anew, not those
    that the faces came with: an augmented copy in the data, or a table of corrections that changes
    what belongs together, would make every score of the stack too good. Give all images that were
    grouped, also those that are in no fold: groups are found by one and the same function, which
    sees the same then, so that what it left apart is not asked to be together.
    """
    for fold in deals:
        _check(group[fold >= 0], fold[fold >= 0], row[fold >= 0])


def _check(
    group: NDArray[np.integer], fold: NDArray[np.integer], row: NDArray[np.integer]
) -> None:
    order = np.lexsort((fold, group))
    same = (group[order][1:] == group[order][:-1]) & (fold[order][1:] != fold[order][:-1])
    if same.any():
        first = int(np.flatnonzero(same)[0])
        one, other = order[first], order[first + 1]
        raise UserError(
            f"training.csv, rows {row[one]} and {row[other]} show one photograph, mirrored or in "
            "another crop perhaps, in different folds, so the stack would learn from what it is "
            "scored on; remove one of them"
        )
