"""A small ensemble that was really trained: both pipelines, out of fold, crossed and mirrored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from local_session import LocalSession

from fkd_core.data.faces import Faces
from fkd_core.ensemble.members import Member
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.table import Table
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5

FOLDS = 3


def member(backend: str, pipeline: str, seeds: Sequence[int] = (0,)) -> Member:
    training = Training(epochs=2, batch_size=16)
    spec = FitSpec(LeNet5.tiny(), pipeline, training=training, backend=backend)  # type: ignore[arg-type]
    return Member(spec, tuple(seeds), FOLDS)


@dataclass(frozen=True)
class Built:
    ensemble: OutOfFold
    fits: Fits
    predictions: FitStore
    session: LocalSession
    tables: dict[str, Table]


def build(faces: Faces, backend: str, folder: Path) -> Built:
    """Both pipelines, two seeds for the complete one, crossed, mirrored, with 5 test images."""
    members = [member(backend, "complete", (0, 1)), member(backend, "partial")]
    group = faces.group.copy()
    group[40] = group[3]  # a photograph that both annotators labelled
    faces = replace(faces, group=group)
    ensemble = OutOfFold(members, faces, faces.images[:5][:, ::-1], "mirror", crossed=True)
    fits = Fits(FitStore(folder / "fits"), faces.fingerprint)
    session, predictions = LocalSession(faces), FitStore(folder / "predictions")
    session.train(ensemble.fits, fits)
    tables = ensemble.tables(session, fits, predictions)  # type: ignore[arg-type]
    return Built(ensemble, fits, predictions, session, tables)
