"""What models that never saw a face say of it together, and how far labels usually are from that.

Of one source at a time: annotators mark some points in different places, so a label is judged by
how its own source labels other faces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.audit.student import Array, Student, fitted, log_density
from fkd_core.ensemble.table import Table

_TRUST = (0.0, 0.5, 1.0, 2.0)
"""How much more a label may be off where the models are: see ``opinions``."""


@dataclass(frozen=True, eq=False)
class Opinions:
    """Of n faces and p keypoints of one source."""

    said: Array
    """[n, p, 2] px: the models' common opinion."""
    spread: Array
    """[n, p] px: how far apart they are."""
    turn: Array
    """[n, 2, 2] from pixels of the picture to those of the upright face of mean size."""
    scale: Array
    """[n] how far right labels may be: 1 if the models were of one mind, more as they differ."""
    usual: Student
    """Of labels minus opinion at scale 1, [2p] in the frame of the face."""

    def residuals(
        self, labels: NDArray[np.floating], index: NDArray[np.intp] | slice = slice(None)
    ) -> Array:
        """[m, p, 2] labels [m, p, 2] of the faces at `index` minus opinion and the usual
        difference, in the frame of the face; NaN where there is no label."""
        off = np.einsum("nij,npj->npi", self.turn[index], labels - self.said[index])
        usual = self.scale[index][:, None, None] * self.usual.centre.reshape(1, -1, 2)
        return np.asarray(off - usual)


def opinions(table: Table) -> Opinions:
    """The members' common opinion: each without its own usual error, weighted by the inverse of
    its robust variance (from the median absolute deviation) at every keypoint.

    How far a right label may be where members disagree is what makes the labels most likely.
    """
    own, truth = table.own.astype(np.float64), table.truth.astype(np.float64)
    members, n, p, _ = own.shape
    usual_error = np.nanmedian(own - truth, axis=1, keepdims=True)
    apart = np.abs(own - truth - usual_error).swapaxes(2, 3).reshape(members, 2 * n, p)
    variance = np.maximum(1.4826 * np.nanmedian(apart, axis=1), 0.1) ** 2
    weight = (1 / variance) / (1 / variance).sum(axis=0)
    settled = own - usual_error
    said = np.einsum("mp,mnpi->npi", weight, settled)
    spread = np.sqrt(np.einsum("mp,mnpi->np", weight, (settled - said) ** 2))
    turn = _turns(said)
    off = np.einsum("nij,npj->npi", turn, truth - said).reshape(n, 2 * p)
    face = spread.mean(axis=1)
    typical = max(float(np.median(face)), 1e-6)

    best, found = -np.inf, None
    given = np.isfinite(off)
    for trust in _TRUST:
        scale = np.sqrt(1 + trust * (face / typical) ** 2)
        usual = fitted(off / scale[:, None])
        likely = log_density(usual, off - scale[:, None] * usual.centre, given, scale).sum()
        if likely > best:
            best, found = likely, Opinions(said, spread, turn, scale, usual)
    assert found is not None
    return found


def _turns(shapes: Array) -> Array:
    """[n, 2, 2] turns and zooms that bring shapes [n, p, 2] nearest to their mean."""
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    flat = centred[..., 0] + 1j * centred[..., 1]
    mean = flat.mean(axis=0)
    size = np.maximum((np.abs(flat) ** 2).sum(axis=1), 1e-9)
    best = (np.conj(flat) * mean).sum(axis=1) / size
    if shapes.shape[1] < 2:
        best = np.ones(len(shapes), np.complex128)
    turns = [[best.real, -best.imag], [best.imag, best.real]]
    return np.asarray(np.moveaxis(np.array(turns), 2, 0))
