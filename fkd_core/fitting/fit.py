"""fit: one model trained once, a pure function of its spec and the faces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.fitting import runtime
from fkd_core.fitting.aligned import Weights
from fkd_core.fitting.fit_data import FitData
from fkd_core.fitting.result import FIGURES, Checkpoint, Failed, FitResult, Stopped
from fkd_core.fitting.schedule import batches, looks, rates
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.steps import Graph, Stepper, stepper
from fkd_core.models.base import parameters

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
        with self._phase("load"), _possible():
            self.data = FitData(spec, faces, others)
        if spec.aligned_by is not None and before is not None:
            with self._phase("align"), _possible():
                self.data.straighten(spec.aligned_by, before)
        with self._phase("render"):
            self.data.render(cache)
        with self._phase("compile"), _possible():
            runtime.forget_gpu_peak()
            self.stepper: Stepper = stepper(graph_of(spec))
            self.stepper.reset(spec.seed, self.data.mean_face())

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Adds the seconds of its block to one phase."""
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            self.seconds[name] = self.seconds.get(name, 0.0) + spent

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
        parts = self.data.parts
        looking = looks(training.epochs, len(parts.train), len(parts.held_out))
        due = time.perf_counter() + checkpoint_seconds
        for epoch in range(start, training.epochs):
            with self._phase("render"):
                images, targets = self.data.copy(epoch)
            with self._phase("train"):
                rate, train_rmse = self._epoch(epoch, images, targets)
            with self._phase("predict"):
                stop_rmse = held_out_rmse = float("nan")
                if training.patience is not None:
                    stop_rmse = self._rmse(parts.stop)
                    if stop_rmse < best[0]:
                        best = (stop_rmse, epoch + 1, self.stepper.state())
                if epoch + 1 in looking:
                    held_out_rmse = self._rmse(parts.held_out)
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
        # Errors are told in pixels of the picture, not of what is shown of it.
        zoom = self.data.shown.zoom(self.data.parts.train)
        return float(rate[-1]), float(np.sqrt(squares / count) / zoom)

    def _predict(self, index: NDArray[np.intp]) -> NDArray[np.float32]:
        """[n, 2p] pixels of the pictures of these faces."""
        shown = self.data.shown
        return shown.restored(index, self.stepper.predict(shown.of(index)))

    def _rmse(self, index: NDArray[np.intp]) -> float:
        return _rmse(self._predict(index) - self.data.targets[index])

    def _result(
        self, history: list[tuple[float, ...]], best_epoch: int, keep_weights: bool
    ) -> FitResult:
        data, held_out = self.data, self.data.parts.held_out
        with self._phase("predict"):
            predicted = self._predict(held_out)
            train_rmse = self._rmse(data.parts.train)
            others = None
            if data.others is not None:
                said = self.stepper.predict(data.others.images)
                others = data.others.restored(data.others.place, said)
        if not np.isfinite(predicted).all():
            raise _CannotBeDoneError("the predictions are not finite")
        n, p = len(held_out), data.targets.shape[1] // 2
        error = predicted.astype(np.float64) - data.targets[held_out]
        columns = np.asarray(history, np.float64).T
        columns[FIGURES.index("held_out_rmse"), best_epoch - 1] = _rmse(error)
        error = error.reshape(n, p, 2)
        labelled = np.asarray(np.isfinite(error).all(axis=2))
        return FitResult(
            spec=self.spec,
            history=dict(zip(FIGURES, columns, strict=True)),
            predictions=predicted.reshape(n, p, 2),
            row=data.faces.row[held_out],
            group=data.faces.group[held_out],
            squared=np.where(labelled, np.square(error).sum(axis=2), 0.0),
            labelled=labelled,
            parameters=parameters(self.stepper.model) + sum(w.size for w in data.before),
            train_faces=len(data.parts.train),
            train_rmse=train_rmse,
            best_epoch=best_epoch,
            seconds=self.seconds,
            versions=runtime.versions(),
            gpu_bytes=runtime.peak_gpu_bytes(),
            others=None if others is None else others.reshape(-1, p, 2),
            weights=[*data.before, *self.stepper.weights()] if keep_weights else [],
        )


def _rmse(error: NDArray[np.floating]) -> float:
    """Pooled over the labelled coordinates, as the competition does."""
    return float(np.sqrt(np.nanmean(np.square(error, dtype=np.float64))))
