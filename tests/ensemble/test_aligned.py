"""A cascade is a member like any other: out of fold, saved, loaded, exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from local_session import LocalSession
from tiny_ensemble import cascade, images, plain_mean

from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split
from fkd_core.ensemble.export import KINDS, export
from fkd_core.ensemble.members import Member
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.predictor import Predictor, save
from fkd_core.ensemble.trained import TrainedFit, TrainedMember
from fkd_core.ensemble.views import VIEWS
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5

FOLDS = 3


def chain(backend: str) -> FitSpec:
    training = Training(epochs=2, batch_size=16)
    stage = FitSpec(LeNet5.tiny(), split=Split("all", 5), training=training, backend=backend)  # type: ignore[arg-type]
    return replace(stage, aligned_by=stage)


def test_a_cascade_and_its_first_stage_are_members_side_by_side(
    faces: Faces, backend: str, tmp_path: Path
) -> None:
    specs = [chain(backend), chain(backend).stages[0]]
    members = [Member(spec, (0,), FOLDS) for spec in specs]
    assert [member.name for member in members] == ["lenet5+lenet5", "lenet5"]
    ensemble = OutOfFold(members, faces, faces.images[:2], "mirror")
    fits = Fits(FitStore(tmp_path / "fits"), faces.fingerprint)
    session = LocalSession(faces)
    assert len(ensemble.lacking(fits)) == 2 * FOLDS
    session.train(ensemble.fits, fits)
    # The first stage of each fold is the other member's fit: it is trained once.
    assert len(session.trained) == 2 * FOLDS
    assert not ensemble.lacking(fits)
    tables = ensemble.tables(session, fits, FitStore(tmp_path / "predictions"))  # type: ignore[arg-type]
    (table,) = tables.values()
    for number, member in enumerate(members):
        result = fits.get(member.fits[1])
        assert isinstance(result, FitResult)
        at = np.isin(faces.row[table.index], result.row)
        np.testing.assert_allclose(table.plain[number][at], result.predictions, atol=0.01)

    trained = [
        TrainedMember(tuple(TrainedFit(fit, fits.weights(fit) or []) for fit in member.fits))
        for member in members
    ]
    save(tmp_path / "saved", [plain_mean(trained)], tta="none", made_by={})
    loaded = Predictor.load(tmp_path / "saved")
    assert [member.spec for member in loaded.halves[0].members] == [m.spec for m in trained]
    said = [member.predict(faces.images[:3]) for member in trained]
    np.testing.assert_allclose(loaded.predict(faces.images[:3]), np.mean(said, axis=0), atol=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_a_cascade_is_exported_whole(
    faces: Faces, backend: str, kind: str, tmp_path: Path
) -> None:
    if backend != "tensorflow":
        pytest.skip("models are exported under TensorFlow")
    member = cascade(faces, backend)
    save(tmp_path / "saved", [plain_mean([member])], tta="none", made_by={})
    told: list[str] = []
    export(
        tmp_path / "saved", kind, tmp_path / "out", "complete", "lenet5+lenet5", say=told.append
    )
    assert len(told) == 1  # it was compared with the Keras model before it was kept
    from test_export import run

    shown = np.concatenate([faces.images[:3], images(2)])
    first = TrainedMember(member.fits[:1])
    expected = first.predict(shown, VIEWS["mirror"]).reshape(5, 30)
    said = run(kind, tmp_path / "out", shown)
    np.testing.assert_allclose(said, expected, atol=KINDS[kind].tolerance)
