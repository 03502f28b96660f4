"""FitErrors: what one fit got wrong on the faces it never saw, face by face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class FitErrors:
    """Held-out errors of one fit. Pixels are those of the 96 x 96 grid.

    Raises ValueError where shapes differ, a number is not finite or negative, or nothing is
    labelled.
    """

    fold: int
    """Which fold was held out."""
    seed: int
    """The seed of weights and batches; with `fold` it names the pair this fit belongs to."""
    group: NDArray[np.uint64]
    """[n] image group of each held-out face."""
    squared: NDArray[np.float64]
    """[n] sum of squared coordinate errors of the face, px^2."""
    count: NDArray[np.int64]
    """[n] labelled coordinates of the face."""
    train_faces: int
    """Faces that gave gradients."""
    train_rmse: float
    """RMSE at the end on unaugmented training faces, px."""
    half_rmse: float
    """Held-out RMSE at half length, px; NaN where it was not measured."""

    def __post_init__(self) -> None:
        where = f"fold {self.fold}, seed {self.seed}"
        if not self.group.ndim == 1 or not (
            self.group.shape == self.squared.shape == self.count.shape
        ):
            raise ValueError(f"{where}: group, squared and count must share one shape [n]")
        if not np.isfinite(self.squared).all() or (self.squared < 0).any():
            raise ValueError(f"{where}: squared errors must be finite and not negative")
        if (self.count < 0).any() or self.count.sum() == 0:
            raise ValueError(f"{where}: no held-out face has a labelled coordinate")
        if self.train_faces < 1:
            raise ValueError(f"{where}: train_faces must be positive")

    @property
    def rmse(self) -> float:
        """Held-out RMSE in px, pooled over coordinates as the competition does."""
        return float(np.sqrt(self.squared.sum() / self.count.sum()))
