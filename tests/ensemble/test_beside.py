"""Two ensembles are told apart by their errors on equal faces, with the right sign and weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from faces_for_tests import tiny_faces

from fkd_core.data.folds import set_of
from fkd_core.data.kaggle import Competition, Lookup
from fkd_core.ensemble.beside import beside
from fkd_core.ensemble.said import Said
from fkd_core.sources import PIPELINES, SOURCES

FACES = tiny_faces(200, 120)
NONE = np.empty(0)


def competition(lookup: Lookup | None = None) -> Competition:
    return Competition(FACES, None, None, lookup, ())


def answers(off: dict[str, float], seed: int = 0) -> dict[str, Said]:
    """Of an ensemble that misses every coordinate by so much, in an order of its own."""
    halves = {}
    for source, error in off.items():
        own = np.random.default_rng(seed).permutation(
            np.flatnonzero(FACES.labelled(PIPELINES[source]))
        )
        labels = FACES.points[own][:, list(SOURCES[source].keypoints)]
        final = set_of(FACES.group[own]) == "final"
        halves[source] = Said(
            FACES.row[own], final, np.nan_to_num(labels, nan=48.0) + np.float32(error),
            np.array(["lenet5"]), np.eye(1, dtype=np.float32), NONE, NONE,
        )  # fmt: skip
    return halves


def requesting(images: dict[str, int]) -> Lookup:
    """So many images of each source, with the x of all its points."""
    asked = [k for source, n in images.items() for k in n * SOURCES[source].keypoints]
    each = [len(SOURCES[source].keypoints) for source, n in images.items() for _ in range(n)]
    image = np.repeat(np.arange(len(each)), each).astype(np.int32)
    return Lookup(image, image, np.array(asked, np.int8), np.zeros(len(asked), np.int8))


@pytest.mark.parametrize("images", [{"complete": 2, "partial": 5}, {"complete": 1, "partial": 0}])
def test_the_difference_is_that_of_the_scores(images: dict[str, int]) -> None:
    found = beside(
        answers({"complete": 1.0, "partial": 3.0}),
        answers({"complete": 2.0, "partial": 2.5}, seed=1),
        competition(requesting(images)),
    )
    assert found is not None
    assert found.sources["complete"].value == pytest.approx(-1)
    assert found.sources["partial"].value == pytest.approx(0.5)
    weights = [images["complete"] * 15, images["partial"] * 4]
    one, other = (
        np.sqrt(np.average(np.square(errors), weights=weights))
        for errors in ([1.0, 3.0], [2.0, 2.5])
    )
    assert found.whole.value == pytest.approx(one - other, abs=1e-4)
    assert found.whole.low <= found.whole.value <= found.whole.high
    assert found.keypoints["complete"]["nose_tip"].value == pytest.approx(-1)
    assert len(found.keypoints["partial"]) == 4
    for source in SOURCES:
        own = FACES.labelled(PIPELINES[source]) & (set_of(FACES.group) == "final")
        assert found.faces[source] == own.sum()


def test_only_faces_of_set_final_that_both_answered_count() -> None:
    whole = answers({"complete": 1.0})
    half = whole["complete"]
    few = replace(half, final=half.final & (half.row % 2 == 0))
    wild = replace(half, points=half.points + np.where(half.final, 0, 50)[:, None, None])
    found = beside({"complete": wild}, {"complete": few}, competition())
    assert found is not None
    assert found.faces == {"complete": few.final.sum()}
    assert found.whole.value == found.whole.low == found.whole.high == 0
    assert [*found.sources] == ["complete"]


def test_with_nothing_in_common_nothing_is_said() -> None:
    assert beside(answers({"complete": 1.0}), answers({"partial": 1.0}), competition()) is None
