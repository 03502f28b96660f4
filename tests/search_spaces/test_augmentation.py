"""Which candidates a user means."""

from __future__ import annotations

import pytest

from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.errors import UserError
from search_spaces.augmentation import CONTROL, candidates

EVERYTHING = tuple(name for name, transform in TRANSFORMS.items() if transform.candidate)


def test_all_means_every_candidate_but_never_the_harmful_control() -> None:
    assert candidates(["all"], "quick") == EVERYTHING
    assert candidates([], "full") == EVERYTHING
    assert CONTROL in TRANSFORMS
    assert CONTROL not in EVERYTHING


def test_names_are_taken_once_in_the_order_given() -> None:
    assert candidates(["shift", "mirror", "shift"], "full") == ("shift", "mirror")


@pytest.mark.parametrize("name", ["rotate", CONTROL, ""])
def test_an_unknown_name_is_refused_with_the_names_there_are(name: str) -> None:
    with pytest.raises(UserError, match=r"--transforms.*rotation"):
        candidates([name], "quick")
