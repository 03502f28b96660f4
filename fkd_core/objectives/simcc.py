"""Two one-dimensional classifications a point, one of x and one of y (SimCC)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fkd_core.objectives.base import Objective
from fkd_core.objectives.cells import Cells, cross_entropy, finite, mean_where
from fkd_core.objectives.coordinates import to_pixels


@dataclass(frozen=True)
class SimCC(Objective):
    """The layer puts out logits [B, 2p, n] over n cells of an axis, x and y of each point;
    coordinates are the expected positions under their softmax.

    Their cross-entropy to Gaussians about the labels is minimised: Li et al. 2022, SimCC: a Simple
    Coordinate Classification Perspective for Human Pose Estimation, arXiv 2107.03332, whose
    decoder takes the largest instead. A nat counts as `weight` px^2.
    """

    layer: str = "classes"
    cells: Cells = field(default_factory=lambda: Cells(192, 16))
    sigma: float = 6.0
    """Deviation of the Gaussian, in cells."""

    def encode(self, targets: Any) -> Any:
        """[B, 2p, n] shares of cells, which sum to 1 for each coordinate."""
        from keras import ops

        points, _ = finite(targets)
        return self.cells.soft_labels(ops.reshape(points, (-1, targets.shape[1])), self.sigma)

    def loss(self, targets: Any, output: Any) -> Any:
        from keras import ops

        _, labelled = finite(targets)
        nats = cross_entropy(self.encode(targets), output, (2,))
        return mean_where(ops.repeat(labelled, 2, axis=1), nats)

    def decode(self, output: Any) -> Any:
        from fkd_core.layers import ExpectedCell

        return to_pixels(ExpectedCell(name="coordinates")(output), self.cells.reach)
