"""A small ensemble with fresh weights, for tests: two pipelines, two models, two fits each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split
from fkd_core.ensemble.stacking.features import Inputs
from fkd_core.ensemble.stacking.stacker import STACKERS
from fkd_core.ensemble.trained import Half, TrainedFit, TrainedMember
from fkd_core.fitting.aligned import mean_shape
from fkd_core.fitting.spec import FitSpec
from fkd_core.models import MODELS
from fkd_core.sources import PIPELINES


def images(n: int = 5, seed: int = 0) -> NDArray[np.uint8]:
    """[n, 96, 96] of noise."""
    return np.random.default_rng(seed).integers(0, 256, (n, 96, 96)).astype(np.uint8)


def member(
    model: str, pipeline: str = "complete", fits: int = 2, backend: str = "tensorflow"
) -> TrainedMember:
    """Fits of as many folds, each with weights of its own."""
    import keras

    spec = FitSpec(
        MODELS[model].tiny(),
        pipeline=pipeline,
        split=Split(family="all", folds=5),
        backend=backend,
    )
    trained = []
    for fold in range(fits):
        keras.utils.set_random_seed(1 + fold)
        weights = spec.model.build(spec.taught.outputs).get_weights()
        fit = replace(spec, split=replace(spec.split, fold=fold))
        trained.append(TrainedFit(fit, weights))
    return TrainedMember(tuple(trained))


def cascade(faces: Faces, backend: str = "tensorflow") -> TrainedMember:
    """Two fits of a chain of two stages, each with weights of its own."""
    import keras

    stage = member("lenet5", backend=backend).spec
    spec = replace(stage, aligned_by=stage)
    trained = []
    for fold in range(2):
        weights = []
        for number in range(2):
            keras.utils.set_random_seed(10 * fold + number)
            weights += spec.model.build(spec.taught.outputs).get_weights()
            weights += [] if number else [mean_shape(faces.points[:40])]
        split = replace(spec.split, fold=fold)
        trained.append(TrainedFit(spec.everywhere(split=split), weights))
    return TrainedMember(tuple(trained))


def plain_mean(members: list[TrainedMember]) -> Half:
    """Members for 15 keypoints, and nothing but their mean."""
    nothing = Inputs(np.zeros((1, len(members), 30)), np.empty((1, 0)))
    mean = STACKERS["mean"].fit(nothing, nothing.mean, np.zeros(1, np.uint64))
    return Half("complete", tuple(members), mean, ("complete",))


def half(
    pipeline: str = "complete",
    models: tuple[str, ...] = ("lenet5", "local2d"),
    *,
    stacker: str = "mean",
    crossed: bool = False,
    fits: int = 2,
    backend: str = "tensorflow",
) -> Half:
    """Members and a stacker that is fitted on noise around a face in the middle."""
    rng = np.random.default_rng(0)
    other = "partial" if pipeline == "complete" else "complete"
    p, e = PIPELINES[pipeline].outputs, len(models) * PIPELINES[other].outputs * crossed
    inputs = Inputs(rng.normal(48, 9, (60, len(models), p)), rng.normal(48, 9, (60, e)))
    targets = inputs.mean + rng.normal(0, 1, (60, p))
    if crossed:
        targets += inputs.other[:, :1] - 48
    return Half(
        pipeline=pipeline,
        members=tuple(member(model, pipeline, fits, backend) for model in models),
        stacker=STACKERS[stacker].fit(inputs, targets, np.arange(60, dtype=np.uint64)),
        feeds=(pipeline, other) if crossed else (pipeline,),
    )
