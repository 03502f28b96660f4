"""What a fit gives back, and its form in the store: a JSON record and plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.fitting.spec import FitSpec

FIGURES = ("rate", "train_rmse", "stop_rmse", "held_out_rmse")
"""What the history of a fit holds for every epoch."""

_ARRAYS = ("predictions", "row", "group", "squared", "labelled")
_SCALARS = ("parameters", "train_faces", "train_rmse", "best_epoch", "seconds", "versions")


@dataclass(frozen=True, eq=False)
class FitResult:
    """A whole fit. Arrays over E epochs, n held-out faces and p keypoints."""

    spec: FitSpec
    history: Mapping[str, NDArray[Any]]
    """[E] each: ``rate``, ``train_rmse`` (px, on the copies, while training), ``stop_rmse`` and
    ``held_out_rmse`` (px, NaN where not looked at)."""
    predictions: NDArray[np.float32]
    """[n, p, 2] pixels."""
    row: NDArray[np.int32]
    """[n] which faces they are."""
    group: NDArray[np.uint64]
    """[n] their image groups."""
    squared: NDArray[np.float64]
    """[n, p] squared distance to the label in px^2 (x and y added), 0 where unlabelled."""
    labelled: NDArray[np.bool_]
    """[n, p] where the label is given."""
    parameters: int
    """Of the model, those of its normalisations included."""
    train_faces: int
    """Faces that gave gradients."""
    train_rmse: float
    """Pixels, at the end, on the training faces as they are."""
    best_epoch: int
    """Epochs trained when the scored weights were reached."""
    seconds: Mapping[str, float]
    """By phase: load, align (of aligned fits), render, compile, train, predict, and save where
    checkpoints were kept."""
    versions: Mapping[str, str]
    """Of Python and the libraries that did the work."""
    gpu_bytes: int = 0
    """Peak memory of its arrays on the GPU; 0 on CPUs."""
    others: NDArray[np.float32] | None = None
    """[m, p, 2] pixels for the other images that were asked for; not part of the record."""
    weights: list[NDArray[Any]] = field(default_factory=list)
    """The model's weights as scored, in Keras's order, where asked for."""

    @property
    def rmse(self) -> float:
        """Held-out RMSE in pixels, pooled over labelled coordinates as the competition does."""
        return float(np.sqrt(self.squared.sum() / (2 * self.labelled.sum())))

    @property
    def half_rmse(self) -> float:
        """Held-out RMSE in pixels at half length: at the last look not after it."""
        looks = self.history["held_out_rmse"][: max(1, self.spec.training.epochs // 2)]
        looks = looks[np.isfinite(looks)]
        return float(looks[-1]) if len(looks) else float("nan")

    @property
    def keypoint_rmse(self) -> NDArray[np.float64]:
        """[p] held-out RMSE in pixels of each keypoint; NaN where nobody labelled it."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.sqrt(self.squared.sum(0) / (2 * self.labelled.sum(0))))


@dataclass(frozen=True)
class Failed:
    """A fit that cannot be done; equal specs fail again."""

    reason: str
    out_of_memory: bool = False
    """The memory at hand did not suffice; with more of it an equal spec may succeed."""


@dataclass(frozen=True, eq=False)
class Stopped:
    """A prefix of a fit that was ended early. Never evidence; ``resume`` takes its checkpoint."""

    checkpoint: Checkpoint


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where a fit stands after ``epoch`` epochs."""

    epoch: int
    state: list[NDArray[Any]]
    history: list[tuple[float, ...]]
    best: tuple[float, int, list[NDArray[Any]]]
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Spent so far, by phase."""


@dataclass(frozen=True, eq=False)
class Progress:
    """What is known of a fit that was ended early; for choosing only, never evidence."""

    epoch: int
    """Epochs trained."""
    held_out_rmse: Sequence[float]
    """Pixels, one an epoch; NaN where not looked at."""
    seconds: float
    """Spent so far."""


Arrays = Mapping[str, NDArray[Any]]


def progress(stopped: Stopped) -> Progress:
    """What a stopped fit tells without its weights."""
    checkpoint = stopped.checkpoint
    column = FIGURES.index("held_out_rmse")
    rmse = [figures[column] for figures in checkpoint.history]
    return Progress(checkpoint.epoch, rmse, sum(checkpoint.seconds.values()))


def to_record(spec: FitSpec, outcome: FitResult | Failed) -> tuple[dict[str, Any], Arrays]:
    """The JSON record and arrays of an outcome; ``from_record`` gives it back."""
    summary: dict[str, Any] = {
        "model": spec.name,
        "pipeline": spec.pipeline,
        "family": spec.split.family,
        "fold": spec.split.fold,
        "seed": spec.seed,
        "epochs": spec.training.epochs,
        "policy": spec.policy.hash[:12] if spec.policy else "",
    }
    if isinstance(outcome, Failed):
        summary |= {"failure": outcome.reason, "out_of_memory": outcome.out_of_memory}
        return {"spec": spec.to_json(), "summary": summary}, {}
    seconds = sum(outcome.seconds.values())
    record = {
        "spec": spec.to_json(),
        "summary": summary
        | {
            "failure": "",
            "rmse": outcome.rmse,
            "seconds": seconds,
            "gpu_bytes": outcome.gpu_bytes,
        },
        **{name: getattr(outcome, name) for name in _SCALARS},
    }
    arrays = {name: getattr(outcome, name) for name in _ARRAYS}
    return record, arrays | {f"history.{k}": v for k, v in outcome.history.items()}


def from_record(record: Mapping[str, Any], arrays: Arrays) -> FitResult | Failed:
    """The outcome that ``to_record`` wrote (without weights, which are kept apart)."""
    summary = record["summary"]
    if summary["failure"]:
        return Failed(summary["failure"], summary.get("out_of_memory", False))
    parts: dict[str, Any] = {name: record[name] for name in _SCALARS}
    parts["gpu_bytes"] = summary.get("gpu_bytes", 0)  # older records have none
    parts |= {name: arrays[name] for name in _ARRAYS}
    history = {name: arrays[f"history.{name}"] for name in FIGURES}
    return FitResult(spec=FitSpec.from_json(record["spec"]), history=history, **parts)
