"""A heatmap a point, taught by its cross-entropy to a Gaussian."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fkd_core.objectives.base import Objective
from fkd_core.objectives.cells import Cells, cross_entropy, finite, mean_where
from fkd_core.objectives.coordinates import to_pixels


@dataclass(frozen=True)
class Heatmap(Objective):
    """The layer puts out logits [B, n, n, p] over n x n cells; coordinates are the expected
    positions under their softmax.

    Beside a squared error of these coordinates, the cross-entropy to a Gaussian about the label
    keeps heatmaps narrow, as the regularisation of Nibali et al. 2018, arXiv 1801.07372. A nat
    counts as `weight` px^2.
    """

    layer: str = "heatmaps"
    cells: Cells = field(default_factory=lambda: Cells(48, 4))
    """Of either axis."""
    sigma: float = 1.0
    """Deviation of the Gaussian, in cells."""

    def encode(self, targets: Any) -> Any:
        """[B, n, n, p] shares of cells, which sum to 1 for each point."""
        from keras import ops

        points, _ = finite(targets)
        shares = self.cells.soft_labels(points, self.sigma)
        return ops.einsum("bpw,bph->bhwp", shares[:, :, 0], shares[:, :, 1])

    def loss(self, targets: Any, output: Any) -> Any:
        _, labelled = finite(targets)
        return mean_where(labelled, cross_entropy(self.encode(targets), output, (1, 2)))

    def decode(self, output: Any) -> Any:
        from fkd_core.layers import SoftArgmax

        return to_pixels(SoftArgmax(name="coordinates")(output), self.cells.reach)
