"""fit: one model trained once, a pure function of its spec and the faces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.policy import Policy
from fkd_core.augment.render import Copies, rendered
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Parts, split
from fkd_core.fitting import runtime
from fkd_core.fitting.aligned import Weights, front, mean_shape
from fkd_core.fitting.result import FIGURES, Checkpoint, Failed, FitResult, Stopped
from fkd_core.fitting.schedule import batches, rates
from fkd_core.fitting.shown import as_they_are, straightened
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.steps import Graph, Stepper, stepper
from fkd_core.models.base import parameters
from fkd_core.objectives.coordinates import PIXEL_CENTRE
from fkd_core.sources import Pipeline

MARKS = 20
"""How often, at most, a fit looks at its held-out faces on the way; it decides nothing by them."""

LIGHTER = 0.4
"""Strength of the policy's lighter form, in which a fit may end."""

OnEpoch = Callable[[int, dict[str, float]], bool | None]
"""Called after every epoch with its number, from 1, and its figures; True ends the fit early."""

OnCheckpoint = Callable[[Checkpoint], None]
"""Called now and then between two epochs with where the fit stands; the fit then goes on."""

_SAVING = 0.05
"""Share of its time that a fit spends on ``on_checkpoint``, at most."""


def fit(
    spec: FitSpec,
    faces: Faces,
    on_epoch: OnEpoch | None = None,
    resume: Checkpoint | None = None,
    *,
    cache: Path | None = None,
    others: NDArray[np.uint8] | None = None,
    keep_weights: bool = False,
    on_checkpoint: OnCheckpoint | None = None,
    checkpoint_seconds: float = 60.0,
    before: Weights | None = None,
) -> FitResult | Stopped | Failed:
    """Trains `spec` on `faces`; the same arguments give the same bits on equal hardware.

    `cache` keeps renderings between fits; `others` are images [m, 96, 96] to predict besides the
    held-out ones. `on_checkpoint` is called after the first epoch that ends `checkpoint_seconds`
    after the last call. `before` are the weights of ``spec.aligned_by``; without them that fit is
    done first. A loss that is not finite, exhausted memory, and a spec that these faces cannot
    serve or that builds no model come back as Failed with the reason.
    """
    runtime.prepare_for(spec)
    try:
        if spec.aligned_by is not None and before is None:
            before = _weights_before(spec.aligned_by, faces, cache)
        running = _Fit(spec, faces, cache, others, before)
        return running.run(on_epoch, resume, keep_weights, on_checkpoint, checkpoint_seconds)
    except _CannotBeDoneError as error:
        return Failed(str(error))
    except Exception as error:
        if runtime.is_out_of_memory(error):
            return Failed(f"out of memory: {error}", out_of_memory=True)
        raise


def graph_of(spec: FitSpec) -> Graph:
    """The compiled graph that this fit needs."""
    training = spec.training
    return Graph(
        spec.model,
        spec.taught.outputs,
        training.batch_size,
        training.weight_decay,
        training.ema,
        training.beta_2,
        spec.precision,
        spec.xla,
    )


class _CannotBeDoneError(Exception):
    """Equal specs on equal faces would end so again."""


@contextmanager
def _possible() -> Iterator[None]:
    """A ValueError in this block is the spec's fault, not the program's."""
    try:
        yield
    except ValueError as error:
        raise _CannotBeDoneError(f"impossible: {error}") from error


def _weights_before(stage: FitSpec, faces: Faces, cache: Path | None) -> Weights:
    outcome = fit(stage, faces, cache=cache, keep_weights=True)
    if isinstance(outcome, FitResult):
        return outcome.weights
    assert isinstance(outcome, Failed)  # nobody asked it to stop
    if outcome.out_of_memory:
        raise MemoryError(outcome.reason)
    raise _CannotBeDoneError(f"{stage.name}, which is to align: {outcome.reason}")


class _Fit:
    """The moving parts of one call of fit."""

    def __init__(
        self,
        spec: FitSpec,
        faces: Faces,
        cache: Path | None,
        others: NDArray[np.uint8] | None,
        before: Weights | None,
    ) -> None:
        self.spec = spec
        self.seconds: dict[str, float] = {}
        self.pipeline: Pipeline = spec.taught
        with self._phase("load"), _possible():
            self.parts: Parts = split(faces, self.pipeline, spec.split)
            self.images, self.row, self.group = faces.images, faces.row, faces.group
            self.targets = _targets(faces.points, faces.source, self.pipeline)
        self.before: Weights = []
        self.shown = as_they_are(self.images)
        self.others = None if others is None else as_they_are(others)
        if spec.aligned_by is not None and before is not None:
            with self._phase("align"), _possible():
                self._straighten(spec.aligned_by, before)
        with self._phase("render"):
            # Fits on other folds share the whole pool's rendering; fresh copies nobody shares,
            # nor frames.
            shared = spec.copies is not None and spec.aligned_by is None
            pool = self.parts.pool if shared else self.parts.train
            self.in_pool = np.searchsorted(pool, self.parts.train)
            self.pool = faces.take(pool)
            self.pool_frames = self.shown.frames_of(pool)
            self.copies = self._rendered(spec.policy, spec.training.epochs, cache)
            self.lighter: Copies | None = None
            self.light_from = spec.training.epochs - spec.training.lighter_epochs
            if spec.training.lighter_epochs and spec.policy:
                policy = spec.policy.lighter(LIGHTER)
                self.lighter = self._rendered(policy, spec.training.lighter_epochs, cache)
        with self._phase("compile"), _possible():
            runtime.forget_gpu_peak()
            self.stepper: Stepper = stepper(graph_of(spec))
            mean = _mean_face(self.shown.placed(self.parts.train, self.targets[self.parts.train]))
            self.stepper.reset(spec.seed, mean)

    def _straighten(self, stage: FitSpec, before: Weights) -> None:
        """From here on all faces are shown straightened, as the chain will show them."""
        train = self.targets[self.parts.train]
        shape = mean_shape(train.reshape(len(train), -1, 2)[:, : stage.anchors])
        model = front(stage, before, shape)
        used = np.union1d(self.parts.pool, self.parts.held_out)
        self.shown = straightened(self.images, used, model)
        if self.others is not None:
            self.others = straightened(self.others.images, self.others.place, model)
        self.before = [*before, shape]

    def _rendered(self, policy: Policy, epochs: int, cache: Path | None) -> Copies:
        """The training faces' copies for so many epochs."""
        spec = self.spec
        copies = spec.copies and min(spec.copies, epochs)
        return rendered(self.pool, policy, spec.copy_seed, copies, cache, self.pool_frames)

    def _copy(self, epoch: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Images [n, 96, 96] and targets [n, 2p] of the training faces in this epoch."""
        late = self.lighter is not None and epoch >= self.light_from
        copies = self.lighter if late and self.lighter is not None else self.copies
        images, points = copies[epoch % len(copies)]
        source = self.pool.source[self.in_pool]
        targets = _targets(np.asarray(points)[self.in_pool], source, self.pipeline)
        return np.asarray(images)[self.in_pool], targets

    def _phase(self, name: str) -> _Timer:
        return _Timer(self.seconds, name)

    def run(
        self,
        on_epoch: OnEpoch | None,
        resume: Checkpoint | None,
        keep_weights: bool,
        on_checkpoint: OnCheckpoint | None,
        checkpoint_seconds: float,
    ) -> FitResult | Stopped:
        training = self.spec.training
        start, history, best = 0, [], (float("inf"), 0, list[NDArray[Any]]())
        if resume is not None:
            self.stepper.load(resume.state)
            start, history, best = resume.epoch, list(resume.history), resume.best
            for phase, spent in resume.seconds.items():
                self.seconds[phase] = self.seconds.get(phase, 0.0) + spent
        every = max(1, training.epochs // MARKS)
        due = time.perf_counter() + checkpoint_seconds
        for epoch in range(start, training.epochs):
            with self._phase("render"):
                images, targets = self._copy(epoch)
            with self._phase("train"):
                rate, train_rmse = self._epoch(epoch, images, targets)
            with self._phase("predict"):
                stop_rmse = held_out_rmse = float("nan")
                if training.patience is not None:
                    stop_rmse = self._rmse(self.parts.stop)
                    if stop_rmse < best[0]:
                        best = (stop_rmse, epoch + 1, self.stepper.state())
                if (epoch + 1) % every == 0 or epoch + 1 == training.epochs:
                    held_out_rmse = self._rmse(self.parts.held_out)
            figures = (rate, train_rmse, stop_rmse, held_out_rmse)
            history.append(figures)
            if training.patience is not None and epoch + 1 - best[1] >= training.patience:
                break
            if on_epoch and on_epoch(epoch + 1, dict(zip(FIGURES, figures, strict=True))):
                return Stopped(self._checkpoint(history, best))
            began = time.perf_counter()
            if on_checkpoint and began >= due and epoch + 1 < training.epochs:
                with self._phase("save"):
                    on_checkpoint(self._checkpoint(list(history), best))
                ended = time.perf_counter()
                due = ended + max(checkpoint_seconds, (ended - began) / _SAVING)
        if training.patience is not None:
            if not best[1]:
                raise _CannotBeDoneError("the RMSE on the early-stop share was never finite")
            self.stepper.load(best[2])
        return self._result(history, best[1] or len(history), keep_weights)

    def _checkpoint(
        self, history: list[tuple[float, ...]], best: tuple[float, int, list[NDArray[Any]]]
    ) -> Checkpoint:
        """Where the fit stands between two epochs."""
        return Checkpoint(len(history), self.stepper.state(), history, best, dict(self.seconds))

    def _epoch(
        self, epoch: int, images: NDArray[np.uint8], targets: NDArray[np.float32]
    ) -> tuple[float, float]:
        """One pass over the training faces as this epoch's copy; gives the last rate and RMSE."""
        training = self.spec.training
        order = batches(len(images), training.batch_size, self.spec.seed, epoch)
        rate = rates(training, len(order), epoch)
        # Faces that only pad carry no loss, but batch normalisation sees them: take an even mix.
        shown = np.where(order >= 0, order, np.resize(order[order >= 0], order.shape))
        sums = []
        for positions, pictures, step_rate in zip(order, shown, rate, strict=True):
            labels = np.where((positions >= 0)[:, None], targets[positions], np.float32("nan"))
            sums.append(self.stepper.step(images[pictures], labels, step_rate))
        squares, count = np.asarray(sums, np.float64).sum(axis=0)
        if not np.isfinite(squares):
            raise _CannotBeDoneError(f"the loss became {squares} in epoch {epoch + 1}")
        zoom = self.shown.zoom(self.parts.train)  # errors are told in pixels of the picture
        return float(rate[-1]), float(np.sqrt(squares / count) / zoom)

    def _predict(self, index: NDArray[np.intp]) -> NDArray[np.float32]:
        """[n, 2p] pixels of the pictures of these faces."""
        return self.shown.restored(index, self.stepper.predict(self.shown.of(index)))

    def _rmse(self, index: NDArray[np.intp]) -> float:
        error = self._predict(index) - self.targets[index]
        return float(np.sqrt(np.nanmean(np.square(error, dtype=np.float64))))

    def _result(
        self, history: list[tuple[float, ...]], best_epoch: int, keep_weights: bool
    ) -> FitResult:
        held_out = self.parts.held_out
        with self._phase("predict"):
            predicted = self._predict(held_out)
            train_rmse = self._rmse(self.parts.train)
            others = None
            if self.others is not None:
                said = self.stepper.predict(self.others.images)
                others = self.others.restored(self.others.place, said)
        if not np.isfinite(predicted).all():
            raise _CannotBeDoneError("the predictions are not finite")
        n, p = len(held_out), len(self.pipeline.columns)
        error = (predicted.astype(np.float64) - self.targets[held_out]).reshape(n, p, 2)
        labelled = np.asarray(np.isfinite(error).all(axis=2))
        columns = np.asarray(history, np.float64).T
        return FitResult(
            spec=self.spec,
            history=dict(zip(FIGURES, columns, strict=True)),
            predictions=predicted.reshape(n, p, 2),
            row=self.row[held_out],
            group=self.group[held_out],
            squared=np.where(labelled, np.square(error).sum(axis=2), 0.0),
            labelled=labelled,
            parameters=parameters(self.stepper.model) + sum(w.size for w in self.before),
            train_faces=len(self.parts.train),
            train_rmse=train_rmse,
            best_epoch=best_epoch,
            seconds=self.seconds,
            versions=runtime.versions(),
            gpu_bytes=runtime.peak_gpu_bytes(),
            others=None if others is None else others.reshape(-1, p, 2),
            weights=[*self.before, *self.stepper.weights()] if keep_weights else [],
        )


class _Timer:
    """Adds the seconds of its block to one phase."""

    def __init__(self, seconds: dict[str, float], phase: str) -> None:
        self._seconds, self._phase = seconds, phase

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self._start
        self._seconds[self._phase] = self._seconds.get(self._phase, 0.0) + spent


def _targets(
    points: NDArray[np.float32], source: NDArray[np.integer], pipeline: Pipeline
) -> NDArray[np.float32]:
    """[n, 2p] from points [n, 15, 2] of faces of sources [n]: see ``Pipeline.targets``."""
    return pipeline.targets(points, source).reshape(len(points), -1)


def _mean_face(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """[2p], the mean of targets [n, 2p]; the picture's middle for what is never labelled."""
    labelled = np.isfinite(targets)
    total = np.where(labelled, targets, 0.0).sum(axis=0, dtype=np.float64)
    count = labelled.sum(axis=0)
    mean = np.where(count > 0, total / np.maximum(count, 1), PIXEL_CENTRE)
    return mean.astype(np.float32)
