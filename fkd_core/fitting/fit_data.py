"""FitData: the pictures and labels of one fit, as its model sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.policy import Policy
from fkd_core.augment.render import Copies, rendered
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Parts, split
from fkd_core.fitting.aligned import Weights, front, mean_shape
from fkd_core.fitting.shown import as_they_are, straightened
from fkd_core.fitting.spec import FitSpec
from fkd_core.objectives.coordinates import PIXEL_CENTRE
from fkd_core.sources import Pipeline

LIGHTER = 0.4
"""Strength of the policy's lighter form, in which a fit may end."""


class FitData:
    """What a fit learns from and is scored on: first the pictures as they are, then straightened
    where the fit is aligned, then their augmented copies."""

    def __init__(self, spec: FitSpec, faces: Faces, others: NDArray[np.uint8] | None) -> None:
        """`others` are images [m, 96, 96] to predict besides the held-out ones. Raises ValueError
        where these faces cannot serve the spec."""
        self._spec, self.faces = spec, faces
        self._pipeline: Pipeline = spec.taught
        self.parts: Parts = split(faces, self._pipeline, spec.split)
        self.targets = self._targets_of(faces.points, faces.source)
        """[N, 2p] px, NaN where a face's source does not mark it."""
        self.before: Weights = []
        """Of the fit that this one is aligned by, and the mean shape."""
        self.shown = as_they_are(faces.images)
        self.others = None if others is None else as_they_are(others)

    def straighten(self, stage: FitSpec, before: Weights) -> None:
        """From here on all faces are shown straightened, as the chain will show them. Raises
        ValueError where no training face has one of the points to align by."""
        train = self.targets[self.parts.train]
        shape = mean_shape(train.reshape(len(train), -1, 2)[:, : stage.anchors])
        model = front(stage, before, shape)
        used = np.union1d(self.parts.pool, self.parts.held_out)
        self.shown = straightened(self.faces.images, used, model)
        if self.others is not None:
            self.others = straightened(self.others.images, self.others.place, model)
        self.before = [*before, shape]

    def render(self, cache: Path | None) -> None:
        """Makes the training faces' copies, or finds them in the cache."""
        spec, training = self._spec, self._spec.training
        # Fits on other folds share the whole pool's rendering; fresh copies nobody shares, nor
        # frames.
        shared = spec.copies is not None and spec.aligned_by is None
        pool = self.parts.pool if shared else self.parts.train
        self._in_pool = np.searchsorted(pool, self.parts.train)
        self._pool = self.faces.take(pool)
        self._frames = self.shown.frames_of(pool)
        self._copies = self._rendered(spec.policy, training.epochs, cache)
        self._light_from = training.epochs
        if training.lighter_epochs and spec.policy:
            self._light_from -= training.lighter_epochs
            lighter = spec.policy.lighter(LIGHTER)
            self._lighter = self._rendered(lighter, training.lighter_epochs, cache)

    def _rendered(self, policy: Policy, epochs: int, cache: Path | None) -> Copies:
        """The training faces' copies for so many epochs."""
        spec = self._spec
        copies = spec.copies and min(spec.copies, epochs)
        return rendered(self._pool, policy, spec.copy_seed, copies, cache, self._frames)

    def copy(self, epoch: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Images [n, 96, 96] and targets [n, 2p] of the training faces in this epoch, from 0."""
        copies = self._copies if epoch < self._light_from else self._lighter
        images, points = copies[epoch % len(copies)]
        targets = self._targets_of(
            np.asarray(points)[self._in_pool], self._pool.source[self._in_pool]
        )
        return np.asarray(images)[self._in_pool], targets

    def mean_face(self) -> NDArray[np.float32]:
        """[2p], the mean of the training faces' targets where they are shown; the picture's middle
        for what is never labelled."""
        targets = self.shown.placed(self.parts.train, self.targets[self.parts.train])
        labelled = np.isfinite(targets)
        total = np.where(labelled, targets, 0.0).sum(axis=0, dtype=np.float64)
        count = labelled.sum(axis=0)
        mean = np.where(count > 0, total / np.maximum(count, 1), PIXEL_CENTRE)
        return np.asarray(mean, np.float32)

    def _targets_of(
        self, points: NDArray[np.float32], source: NDArray[np.integer]
    ) -> NDArray[np.float32]:
        """[n, 2p] from points [n, 15, 2] of faces of sources [n]: see ``Pipeline.targets``."""
        return self._pipeline.targets(points, source).reshape(len(points), -1)
