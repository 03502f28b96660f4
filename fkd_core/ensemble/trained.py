"""Trained members and what joins them: one half of an ensemble for each pipeline."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.stacking.stacker import Fitted
from fkd_core.ensemble.views import VIEWS, View
from fkd_core.fitting.predict import model_of, run, set_weights
from fkd_core.fitting.spec import FitSpec
from fkd_core.keypoints import PIPELINES

Weights = list[NDArray[Any]]
"""Of one fit, in Keras's order."""


@dataclass(frozen=True, eq=False)
class TrainedFit:
    """One fit of a member."""

    spec: FitSpec
    weights: Callable[[], Weights] | Weights
    """A function where they are large: it is called when they are needed, each time."""

    def load(self) -> Weights:
        """The weights."""
        return self.weights() if callable(self.weights) else self.weights


@dataclass(frozen=True, eq=False)
class TrainedMember:
    """The fits of one configuration, over folds and seeds.

    Raises ValueError where there are none, they differ in more than fold and seed, or two are of
    the same fold and seed.
    """

    fits: tuple[TrainedFit, ...]

    def __post_init__(self) -> None:
        specs = [fit.spec for fit in self.fits]
        if not specs or any(fit_spec(spec, 0, 0) != fit_spec(specs[0], 0, 0) for spec in specs):
            raise ValueError("the fits of a member must differ in fold and seed alone")
        if len({(spec.seed, spec.split.fold) for spec in specs}) < len(specs):
            raise ValueError(f"two fits of {self.name} have the same fold and seed")

    @property
    def spec(self) -> FitSpec:
        """Of the first fit."""
        return self.fits[0].spec

    @property
    def name(self) -> str:
        """The model's."""
        return self.spec.model.name

    def predict(
        self, images: NDArray[np.uint8], views: Sequence[View] = VIEWS["none"]
    ) -> NDArray[np.float64]:
        """[n, p, 2] px of images [n, 96, 96]: the mean over all fits and views."""
        model: Any = None
        total = np.zeros((len(images), len(self.spec.taught.keypoints), 2))
        for fit in self.fits:
            weights = fit.load()
            if model is None:
                model = model_of(here(fit.spec), weights)
            else:
                set_weights(model, fit.spec, weights)
            for view in views:
                points = run(model, view.of(images))
                total += view.undo(points, fit.spec.taught.keypoints)
        return total / (len(self.fits) * len(views))


@dataclass(frozen=True, eq=False)
class Half:
    """All that predicts one pipeline's keypoints.

    Raises ValueError where there is no member, a member is of another pipeline or lacks some of
    its keypoints, two are of the same model, or `feeds` does not begin with the pipeline.
    """

    pipeline: str
    members: tuple[TrainedMember, ...]
    stacker: Fitted
    feeds: tuple[str, ...]
    """Pipelines whose members the stacker sees: its own, and the other one if it is crossed."""

    def __post_init__(self) -> None:
        names = [member.name for member in self.members]
        if self.feeds[:1] != (self.pipeline,) or not set(self.feeds) <= PIPELINES.keys():
            raise ValueError(f"{self.pipeline} cannot be fed by {self.feeds}")
        if any(member.spec.taught != PIPELINES[self.pipeline] for member in self.members):
            raise ValueError(f"a member of {self.pipeline} was taught something else")
        if not names or len(set(names)) < len(names):
            raise ValueError(f"members of {self.pipeline} must be of different models: {names}")

    @property
    def outputs(self) -> int:
        """P, the number of predicted coordinates."""
        return PIPELINES[self.pipeline].outputs


def fit_spec(spec: FitSpec, seed: int, fold: int) -> FitSpec:
    """The spec of the same member's fit of another seed and fold."""
    return replace(spec, seed=seed, split=replace(spec.split, fold=fold))


def here(spec: FitSpec) -> FitSpec:
    """The spec as this process can run it: weights are the same under every backend."""
    if "keras" not in sys.modules:
        return spec if find_spec(spec.backend) else replace(spec, backend="tensorflow")
    backend: Any = os.environ.get("KERAS_BACKEND")
    threads = os.environ.get("OMP_NUM_THREADS")
    return replace(
        spec, backend=backend or spec.backend, threads=int(threads) if threads else spec.threads
    )
