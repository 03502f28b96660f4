"""Trained members and what joins them: one half of an ensemble for each source."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.members import member_name
from fkd_core.ensemble.stacking.stacker import Fitted
from fkd_core.ensemble.viewer import Viewer
from fkd_core.ensemble.views import VIEWS, View
from fkd_core.errors import UserError
from fkd_core.fitting.spec import FitSpec
from fkd_core.libraries import BACKENDS
from fkd_core.sources import SOURCES

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
    rmse_mirrored: float | None = None
    """Pixels, in the half's style: the folds' fits on the faces that they held out, mean of each
    and its mirror picture; None where it is not known."""

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
        """See ``member_name``."""
        return member_name(self.spec)

    def predict(
        self, images: NDArray[np.uint8], views: Sequence[View] = VIEWS["none"]
    ) -> NDArray[np.float64]:
        """[n, p, 2] px of images [n, 96, 96]: the mean over all fits and views."""
        viewer: Viewer | None = None
        total = np.zeros((len(images), len(self.spec.taught.columns), 2))
        for fit in self.fits:
            weights = fit.load()
            if viewer is None:
                spec = here(fit.spec)
                with whoever_imported_keras(spec):
                    viewer = Viewer(spec, weights)
            else:
                viewer.become(fit.spec, weights)
            total += viewer.said(images, views).sum(axis=0, dtype=np.float64)
        return total / (len(self.fits) * len(views))


@dataclass(frozen=True, eq=False)
class Half:
    """All that predicts in one source's style.

    Raises ValueError where there is no member, a member was not taught all that the source marks,
    two are of the same name, or `feeds` does not begin with the source.
    """

    pipeline: str
    """The source."""
    members: tuple[TrainedMember, ...]
    stacker: Fitted
    feeds: tuple[str, ...]
    """Halves whose members the stacker sees: its own, and the others if it is crossed."""

    def __post_init__(self) -> None:
        names = [member.name for member in self.members]
        if self.feeds[:1] != (self.pipeline,) or not set(self.feeds) <= SOURCES.keys():
            raise ValueError(f"{self.pipeline} cannot be fed by {self.feeds}")
        taught = [member.spec.taught for member in self.members]
        wanted = SOURCES[self.pipeline].keypoints
        if any(tuple(t.keypoints[c] for c in t.of(self.pipeline)) != wanted for t in taught):
            raise ValueError(f"a member of {self.pipeline} was taught something else")
        if not names or len(set(names)) < len(names):
            raise ValueError(f"members of {self.pipeline} must have different names: {names}")

    @property
    def outputs(self) -> int:
        """P, the number of predicted coordinates."""
        return 2 * len(SOURCES[self.pipeline].keypoints)

    def said(
        self, images: NDArray[np.uint8], views: Sequence[View]
    ) -> Iterator[NDArray[np.float64]]:
        """Of each member, [n, P] px of images [n, 96, 96] in this half's style."""
        for member in self.members:
            points = member.predict(images, views)[:, member.spec.taught.of(self.pipeline)]
            yield points.reshape(len(images), self.outputs)


def fit_spec(spec: FitSpec, seed: int, fold: int) -> FitSpec:
    """The spec of the same member's fit of another seed and fold."""
    return spec.everywhere(seed=seed, split=replace(spec.split, fold=fold))


def here(spec: FitSpec) -> FitSpec:
    """The spec as this process can run it: weights are the same under every backend.

    Raises UserError where Keras runs on a backend that no fit runs on.
    """
    keras: Any = sys.modules.get("keras")
    if keras is None:
        return spec if find_spec(spec.backend) else spec.everywhere(backend="tensorflow")
    backend: Any = keras.backend.backend()
    if backend not in BACKENDS:
        raise UserError(
            f"Keras runs on {backend} in this process, and an ensemble on "
            f"{' or '.join(BACKENDS)}; predict in another process, or set KERAS_BACKEND before "
            "Keras is imported"
        )
    threads = os.environ.get("OMP_NUM_THREADS", "")
    own = int(threads) if threads.isdecimal() else 0  # OpenMP takes lists, too
    return spec.everywhere(backend=backend, threads=own or spec.threads)


_KERAS = threading.Lock()


@contextlib.contextmanager
def whoever_imported_keras(spec: FitSpec) -> Iterator[None]:
    """Lets the model of a spec that is ``here`` be built in this block, also where Keras was
    imported by others before: predicting needs no number of threads.

    Fits do, since it decides their bits, so that ``fitting.runtime.prepare`` looks at the
    environment. It says what the spec says within the block alone, and a fit is refused after it
    as it was before.
    """
    if "keras" not in sys.modules:
        yield
        return
    threads = {name: str(spec.threads) for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")}
    told = {"KERAS_BACKEND": spec.backend, "TF_NUM_INTEROP_THREADS": "1"} | threads
    with _KERAS:  # the environment is all threads' own
        before = {name: os.environ.get(name) for name in told}
        os.environ.update(told)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
