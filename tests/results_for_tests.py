"""Results of fits that were never made: right in form, with errors that a test can choose."""

from __future__ import annotations

import numpy as np

from fkd_core.data.faces import Faces
from fkd_core.data.folds import split
from fkd_core.fitting.result import FIGURES, FitResult
from fkd_core.fitting.spec import FitSpec


def made_up_result(spec: FitSpec, faces: Faces, error: float = 1.0) -> FitResult:
    """Predictions that miss each label by a random offset of about `error` px, and a learning
    curve that falls to it."""
    rng = np.random.default_rng([spec.seed, spec.split.fold])
    held_out = split(faces, spec.taught, spec.split).held_out
    labels = faces.points[held_out][:, list(spec.taught.keypoints)]
    labelled = np.asarray(np.isfinite(labels).all(axis=2))
    offset = rng.normal(0, error, labels.shape)
    epochs = np.arange(1, spec.training.epochs + 1)
    curve = error * (1 + 3 / epochs)
    return FitResult(
        spec=spec,
        history=dict.fromkeys(FIGURES, curve) | {"train_rmse": 0.8 * curve},
        predictions=(np.nan_to_num(labels, nan=48.0) + offset).astype(np.float32),
        row=faces.row[held_out],
        group=faces.group[held_out],
        squared=np.where(labelled, np.square(offset).sum(axis=2), 0.0),
        labelled=labelled,
        parameters=1000,
        train_faces=len(faces) - len(held_out),
        train_rmse=0.8 * error,
        best_epoch=len(epochs),
        seconds={"train": 1.0},
        versions={"python": "3.11"},
    )
