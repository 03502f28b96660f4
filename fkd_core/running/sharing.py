"""How many fits share one GPU: arithmetic on bytes."""

from __future__ import annotations

MOST = 8
"""Fits on one GPU, at most: beyond, they wait for each other."""
CONTEXT = 640 << 20
"""Bytes that a process takes on a GPU before its first array (CUDA's context and the libraries'
code); assumed, not measured."""
_MARGIN = 1.25
_USABLE = 0.95


def share_for(peak: int, total: int) -> float:
    """The share of a GPU, 1 / k, of which k fits with this peak fit side by side.

    `peak` is the most bytes that arrays of such a fit took (``FitResult.gpu_bytes``), `total` the
    GPU's bytes. Each process is granted a quarter more than the peak, and its context; together
    they leave 5% free. A fit that needs more than that takes the GPU alone. Raises ValueError for
    a peak or a total that was not measured.
    """
    if peak <= 0 or total <= 0:
        raise ValueError(f"a peak of {peak} bytes on a GPU of {total} says nothing of its share")
    together = int(_USABLE * total / (peak * _MARGIN + CONTEXT))
    return 1 / max(1, min(MOST, together))


def doubled(share: float) -> float | None:
    """The share to try after a fit ran out of memory in this one; None where there is no larger:
    on a whole GPU, and without any."""
    return min(1.0, 2 * share) if 0 < share < 1 else None
