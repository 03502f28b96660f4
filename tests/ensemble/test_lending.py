"""Lending: faces of an annotator whose style nobody was taught, scored in another's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from built_ensemble import Built, member
from faces_for_tests import tiny_faces
from local_session import LocalSession

from fkd_core.data.faces import Faces
from fkd_core.data.folds import split
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.stacking.stack import stack
from fkd_core.ensemble.stacking.stacker import STACKERS
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.store import FitStore
from fkd_core.report.ensemble import own_arms, score_sheet
from fkd_core.sources import COMPLETE, PARTIAL, PIPELINES


def with_a_photograph_of_both(faces: Faces) -> Faces:
    group = faces.group.copy()
    group[-1] = group[3]
    return replace(faces, group=group)


@pytest.fixture(scope="module")
def lending(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A specialist for complete faces, asked about the partial ones as well."""
    folder = tmp_path_factory.mktemp("lending")
    faces = with_a_photograph_of_both(tiny_faces(40, 40))
    ensemble = OutOfFold([member(backend, "complete")], faces, None, "none", lending=True)
    fits = Fits(FitStore(folder / "fits"), faces.fingerprint)
    session, predictions = LocalSession(faces), FitStore(folder / "predictions")
    session.train(ensemble.fits, fits)
    tables = ensemble.tables(session, fits, predictions)  # type: ignore[arg-type]
    return Built(ensemble, fits, predictions, session, tables)


def test_the_other_annotators_faces_are_asked_of_fits_that_never_saw_their_group(
    lending: Built,
) -> None:
    faces, asked = lending.ensemble.faces, []
    assert lending.ensemble.lent == {"partial": "complete"}
    for fit in lending.ensemble.fits:
        shown = lending.ensemble.held_out(fit)
        trained = split(faces, PIPELINES["complete"], fit.split).train
        assert not set(faces.group[shown]) & set(faces.group[trained])
        asked += shown.tolist()
    assert sorted(asked) == list(range(len(faces)))


def test_their_labels_stand_in_the_columns_of_the_style_that_answers(lending: Built) -> None:
    assert [*lending.tables] == ["complete"]
    lent = lending.tables["complete"].scored["partial"]
    faces = lending.ensemble.faces.take(lent.index)
    assert (faces.source == 1).all()
    assert lent.truth.shape == (40, 15, 2)
    np.testing.assert_array_equal(lent.truth, faces.points[:, list(COMPLETE.keypoints)])
    assert np.isfinite(lent.truth).all(axis=(0, 2)).sum() == len(PARTIAL.keypoints)


def test_every_arm_is_scored_over_both_by_what_is_requested_of_each(lending: Built) -> None:
    tables = lending.tables
    stacked = {"complete": stack(tables["complete"], {"mean": STACKERS["mean"]})}
    scored = tables["complete"].scored
    weights, nobody = {"complete": 3.0, "partial": 1.0}, np.zeros(80, np.bool_)
    sheet = score_sheet(own_arms(stacked), scored, weights, nobody, covers=1.0)
    for row in sheet.rows:
        own, lent = row["complete"].value, row["partial"].value
        assert row["score"].value == pytest.approx(np.sqrt((3 * own**2 + lent**2) / 4))
    lent = scored["partial"]
    final = ~lent.chosen_on
    apart = lent.own[0][final] - lent.truth[final]
    assert sheet.rows[0]["partial"].value == pytest.approx(np.sqrt(np.nanmean(apart**2)))


def test_nothing_is_lent_unasked_or_for_too_few_faces_or_to_a_style_that_marks_less(
    backend: str,
) -> None:
    def lent(pipeline: str, faces: Faces, asked: bool = True) -> dict[str, str]:
        return OutOfFold([member(backend, pipeline)], faces, None, "none", lending=asked).lent

    many = tiny_faces(40, 40)
    assert lent("complete", many) == {"partial": "complete"}
    assert lent("complete", many, asked=False) == {}
    assert lent("complete", tiny_faces(40, 3)) == {}
    assert lent("partial", many) == {}
    assert lent("joint", many) == {}
