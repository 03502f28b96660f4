"""The canary: a photograph on both sides of a fold must stop the build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fkd_core.data.grouping import photographs
from fkd_core.ensemble.leaks import check_apart
from fkd_core.errors import UserError

Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
FOLD = np.arange(40) % 5
ROW = np.arange(40) + 1


def pictures() -> NDArray[np.uint8]:
    """Smooth random pictures, none like another."""
    coarse = np.random.default_rng(1).uniform(0, 255, (40, 6, 6))
    return np.kron(coarse, np.ones((16, 16))).astype(np.uint8)


def test_different_pictures_pass(tmp_path: Path) -> None:
    check_apart(photographs(pictures(), tmp_path), [FOLD], ROW)


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture,
        lambda picture: np.clip(picture * 0.9 + 5, 0, 255).astype(np.uint8),
        lambda picture: np.roll(picture, 3, axis=1),
        lambda picture: picture[:, ::-1],
    ],
    ids=["equal", "another contrast", "shifted", "mirrored"],
)
def test_a_copy_in_another_fold_is_found_and_named(change: Change, tmp_path: Path) -> None:
    images = pictures()
    images[8] = change(images[4])
    with pytest.raises(UserError, match=r"rows 5 and 9 show one|rows 9 and 5 show one"):
        check_apart(photographs(images, tmp_path), [ROW % 3, FOLD], ROW)


def test_a_copy_in_the_same_fold_is_no_leak(tmp_path: Path) -> None:
    images = pictures()
    images[9] = images[4]
    check_apart(photographs(images, tmp_path), [FOLD], ROW)


def test_a_copy_that_is_in_no_fold_is_no_leak(tmp_path: Path) -> None:
    images = pictures()
    images[8] = images[4]
    check_apart(photographs(images, tmp_path), [np.where(ROW == 9, -1, FOLD)], ROW)
