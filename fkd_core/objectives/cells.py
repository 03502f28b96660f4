"""Positions as distributions over the cells of an axis, whose expected position is exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fkd_core.keypoints import IMAGE_SIZE

_ROUNDS = 8
"""Of Newton's method; it converges in three, at the border in six."""
_SURE = 0.3
"""Points further out lie so many cells inside the centre of the outermost one."""


@dataclass(frozen=True)
class Cells:
    """Equal cells along one axis of the picture, some of them beyond its borders.

    Pixel coordinates are those of pixels' centres, so the picture begins at -0.5.
    """

    inside: int
    """Cells that cover the picture."""
    beyond: int = 0
    """Cells before it, and as many behind it."""

    @property
    def number(self) -> int:
        """All cells."""
        return self.inside + 2 * self.beyond

    @property
    def size(self) -> float:
        """Of a cell, in pixels."""
        return IMAGE_SIZE / self.inside

    @property
    def reach(self) -> float:
        """Half of what all cells cover, in pixels."""
        return self.number * self.size / 2

    def centres(self) -> Any:
        """[number] pixel coordinates."""
        from keras import ops

        at = ops.arange(self.number, dtype="float32")
        return (at - self.beyond + 0.5) * self.size - 0.5

    def soft_labels(self, positions: Any, sigma: float) -> Any:
        """[..., number] shares of cells for positions [...] in pixels: a Gaussian, its deviation
        `sigma` in cells, cut where the cells end and moved so that the expected position is right
        all the same. Raises ValueError for a sigma under half a cell, where it would not be."""
        from keras import ops

        if sigma < 0.5:
            raise ValueError(f"sigma is {sigma}; half a cell is needed")
        centres, width = self.centres(), sigma * self.size
        low, high = self._bounds()
        wanted = ops.clip(positions, low, high)[..., None]
        middle = wanted
        for _ in range(_ROUNDS):
            share = ops.softmax(-ops.square((centres - middle) / width) / 2, axis=-1)
            mean = ops.sum(share * centres, axis=-1, keepdims=True)
            spread = ops.sum(share * ops.square(centres - mean), axis=-1, keepdims=True)
            step = (wanted - mean) * width**2 / ops.maximum(spread, 1e-3 * width**2)
            middle = middle + ops.clip(step, -2 * width, 2 * width)
        return ops.softmax(-ops.square((centres - middle) / width) / 2, axis=-1)

    def _bounds(self) -> tuple[float, float]:
        """The positions, in pixels, between which expected positions can lie."""
        low = (0.5 + _SURE - self.beyond) * self.size - 0.5
        return low, IMAGE_SIZE - 1 - low


def cross_entropy(shares: Any, logits: Any, axes: tuple[int, ...]) -> Any:
    """[...] nats between shares and the softmax of the logits, over these axes."""
    from keras import ops

    log_softmax = logits - ops.logsumexp(logits, axis=axes, keepdims=True)
    return -ops.sum(shares * log_softmax, axis=axes)


def finite(targets: Any) -> tuple[Any, Any]:
    """Points [B, p, 2] with the picture's middle where one is unlabelled, and which are labelled
    [B, p] as 0 or 1; from targets [B, 2p]."""
    from keras import ops

    points = ops.reshape(targets, (-1, targets.shape[1] // 2, 2))
    labelled = ops.all(ops.isfinite(points), axis=-1)
    middle = (IMAGE_SIZE - 1) / 2
    return ops.where(labelled[..., None], points, middle), ops.cast(labelled, "float32")


def mean_where(labelled: Any, losses: Any) -> Any:
    """The mean loss of the labelled points; 0 where there is none."""
    from keras import ops

    return ops.sum(labelled * losses) / ops.maximum(ops.sum(labelled), 1.0)
