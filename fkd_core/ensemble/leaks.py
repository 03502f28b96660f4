"""The check that no photograph lies on both sides of a fold, made from the pixels themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.grouping import digests, group_images
from fkd_core.errors import UserError


def check_apart(
    images: NDArray[np.uint8], fold: NDArray[np.integer], row: NDArray[np.integer]
) -> None:
    """Raises UserError where two images [n, 96, 96] of different folds [n] are equal, near
    duplicates, or each other's mirror picture; `row` [n] names them.

    It trusts nobody's groups: an augmented copy in the data, or a table of corrections that
    changes what belongs together, would make every score of the stack too good.
    """
    _check(group_images(images, digests(images)).group, fold, row, "near-duplicates")
    both = np.concatenate([images, images[:, :, ::-1]])
    name = np.unique(digests(both), axis=0, return_inverse=True)[1].reshape(2, -1)
    _check(name.min(axis=0), fold, row, "mirror pictures")


def _check(
    group: NDArray[np.integer],
    fold: NDArray[np.integer],
    row: NDArray[np.integer],
    what: str,
) -> None:
    order = np.lexsort((fold, group))
    same = (group[order][1:] == group[order][:-1]) & (fold[order][1:] != fold[order][:-1])
    if same.any():
        first = int(np.flatnonzero(same)[0])
        one, other = order[first], order[first + 1]
        raise UserError(
            f"training.csv, rows {row[one]} and {row[other]}: {what} in different folds, so the "
            "stack would learn from what it is scored on; remove one of them"
        )
