"""What every stacker promises, and the grouped folds that all of them choose by."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.stacking.features import Array, Inputs

Group = NDArray[np.uint64]
Fold = tuple[NDArray[np.int64], NDArray[np.int64]]

INNER_FOLDS = 5
"""Folds by which a stacker chooses its own regularisation."""


@dataclass(frozen=True, eq=False)
class Fitted(ABC):
    """A fitted stacker. Fields of its kinds are arrays, strings and numbers only, so that plain
    ``.npz`` files keep it; a kind raises ValueError where its fields contradict each other."""

    kind: ClassVar[str]
    """Name of the class in a file."""

    shape: NDArray[np.int64]
    """[3] members M, coordinates P and columns E of the inputs it was fitted on."""
    notes: tuple[str, ...]
    """What to know of this fit: what was chosen, dropped, or not reached."""

    def predict(self, inputs: Inputs) -> Array:
        """[n, P] px. Raises ValueError where inputs have another shape than those of the fit."""
        if inputs.shape != tuple(self.shape):
            raise ValueError(
                f"the stacker was fitted on (members, coordinates, other columns)"
                f" {tuple(self.shape.tolist())}, not on {inputs.shape}"
            )
        return self._predict(inputs)

    @abstractmethod
    def _predict(self, inputs: Inputs) -> Array: ...

    def _require(self, **shapes: tuple[int, ...]) -> None:
        """Raises ValueError unless each array field is finite, numeric and of its shape."""
        for name, shape in ({"shape": (3,)} | shapes).items():
            array = np.asarray(getattr(self, name))
            if array.dtype.kind not in "if" or array.shape != shape:
                raise ValueError(
                    f"{self.kind}: {name} must be numbers {shape}, not {array.dtype} {array.shape}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"{self.kind}: {name} has values that are not finite")

    def _require_columns(self, columns: NDArray[np.int64], width: int) -> None:
        """Raises ValueError unless `columns` [k] are indices into a table of `width` columns."""
        inside = columns.dtype.kind == "i" and columns.ndim == 1
        if not inside or (len(columns) and not 0 <= columns.min() <= columns.max() < width):
            raise ValueError(f"{self.kind}: columns must be indices under {width}")


@dataclass(frozen=True)
class Stacker(ABC):
    """A way to combine members' predictions; its fields are its options.

    It chooses its regularisation by grouped cross-validation inside the rows it is given, so
    that rows it never saw judge it honestly.
    """

    name: ClassVar[str]

    def fit(self, inputs: Inputs, targets: Array, group: Group) -> Fitted:
        """Fits to targets [n, P] px of faces in image groups [n].

        Raises ValueError where shapes differ, there are no faces, a target is not finite, or
        there are too few image groups to choose by.
        """
        expected = (len(inputs), inputs.shape[1])
        if targets.shape != expected or group.shape != expected[:1]:
            raise ValueError(
                f"targets must be {expected} and group {expected[:1]},"
                f" not {targets.shape} and {group.shape}"
            )
        if not len(inputs):
            raise ValueError("a stacker needs at least one labelled face")
        if not np.isfinite(targets).all():
            raise ValueError("every target must be finite: leave out faces without all labels")
        return self._fit(inputs, np.asarray(targets, np.float64), group)

    @abstractmethod
    def _fit(self, inputs: Inputs, targets: Array, group: Group) -> Fitted: ...


@dataclass(frozen=True, eq=False)
class Job:
    """One fit of a stacker, to be done here or in another process."""

    stacker: Stacker
    inputs: Inputs
    targets: Array
    """[n, P] px, all finite."""
    group: Group
    """[n]"""

    def __call__(self) -> tuple[Fitted, float]:
        """What was fitted, and the seconds that took."""
        started = time.perf_counter()
        return self.stacker.fit(self.inputs, self.targets, self.group), (
            time.perf_counter() - started
        )


Run = Callable[[Sequence[Job]], Sequence[tuple[Fitted, float]]]
"""Does jobs and gives what each gives, in order: ``in_turn``, or ``Session.map`` on a cluster."""


def in_turn(jobs: Sequence[Job]) -> list[tuple[Fitted, float]]:
    """Here, one after another."""
    return [job() for job in jobs]


def grouped_folds(group: Group, seed: int, folds: int = INNER_FOLDS) -> list[Fold]:
    """(training rows, held-out rows) of each fold; an image group is never on both sides.

    Fewer groups than folds give as many folds as groups. Raises ValueError under 2 groups.
    """
    groups = len(np.unique(group))
    if groups < 2:
        raise ValueError(f"grouped cross-validation needs 2 image groups or more, not {groups}")
    from sklearn.model_selection import GroupKFold  # takes a second

    split = GroupKFold(min(folds, groups), shuffle=True, random_state=seed)
    return list(split.split(np.empty((len(group), 1)), groups=group))


def rms(squared: float, targets: Array) -> float:
    """RMSE in px from a sum of squared errors over all of `targets`."""
    return float(np.sqrt(squared / targets.size))


def against_mean(squared: float, left: Array) -> str:
    """What inner cross-validation gave, and what the plain mean gives there, as words; from the
    sum of squared errors and what the mean leaves [n, P], px."""
    return (
        f"inner CV RMSE {rms(squared, left):.4f} px,"
        f" the mean's {rms(float((left**2).sum()), left):.4f}"
    )
