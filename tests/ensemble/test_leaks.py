"""The canary: a photograph on both sides of a fold must stop the build."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fkd_core.ensemble.leaks import check_apart
from fkd_core.errors import UserError

FOLD = np.arange(40) % 5
ROW = np.arange(40) + 1


def pictures() -> NDArray[np.uint8]:
    """Smooth random pictures, none like another."""
    coarse = np.random.default_rng(1).uniform(0, 255, (40, 6, 6))
    return np.kron(coarse, np.ones((16, 16))).astype(np.uint8)


def test_different_pictures_pass() -> None:
    check_apart(pictures(), FOLD, ROW)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda picture: picture, "near-duplicates"),
        (lambda picture: np.clip(picture * 0.9 + 5, 0, 255).astype(np.uint8), "near-duplicates"),
        (lambda picture: np.roll(picture, 1, axis=1), "near-duplicates"),
        (lambda picture: picture[:, ::-1], "mirror pictures"),
    ],
    ids=["equal", "another contrast", "shifted", "mirrored"],
)
def test_a_copy_in_another_fold_is_found_and_named(change: object, what: str) -> None:
    images = pictures()
    images[8] = change(images[4])  # type: ignore[operator]
    with pytest.raises(UserError, match=rf"rows 5 and 9: {what}|rows 9 and 5: {what}"):
        check_apart(images, FOLD, ROW)


def test_a_copy_in_the_same_fold_is_no_leak() -> None:
    images = pictures()
    images[9] = images[4]
    check_apart(images, FOLD, ROW)
