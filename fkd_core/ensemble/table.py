"""The out-of-fold table of one source: what its members said of every face they never saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.folds import set_of
from fkd_core.ensemble.stacking.features import Inputs
from fkd_core.evidence import Pool

Points = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Table:
    """One source's n faces, out of fold, and the m test images; M members, p keypoints."""

    pipeline: str
    """The source, and so the pipeline of its specialists."""
    members: tuple[str, ...]
    index: NDArray[np.intp]
    """[n] positions in Faces."""
    group: NDArray[np.uint64]
    """[n]"""
    fold: NDArray[np.intp]
    """[M, n] which fold of each member's held a face out: a joint member has a deal of its own."""
    truth: Points
    """[n, p, 2] labels, NaN where there is none."""
    plain: Points
    """[M, n, p, 2] without test-time augmentation; mean over seeds, as all here."""
    own: Points
    """[M, n, p, 2] with it."""
    by_part: Points
    """[K, M, m, p, 2] test images as the parts see them of which what ships is made: the fits of
    each fold, or each refit."""
    other: NDArray[np.float64]
    """[n, E] what the other halves' members say of these faces; E = 0 unless crossed."""
    test_other: NDArray[np.float64]
    """[m, E]"""
    mirrored: Points | None = None
    """[M, n, p, 2] mean of the picture and its mirror picture alone, as an exported model sees it;
    None where these are not among the views."""
    lent: Mapping[str, Table] = field(default_factory=dict)
    """By source that no member was taught: its faces, as this source's members see them, with its
    labels in this source's columns."""

    @property
    def scored(self) -> dict[str, Table]:
        """By source, the faces that are answered in this source's style: its own, and those that
        are lent to it."""
        return {self.pipeline: self, **self.lent}

    @property
    def test(self) -> Points:
        """[M, m, p, 2] of the test images: the mean over all fits that ship."""
        return np.asarray(self.by_part.mean(axis=0), np.float32)

    @property
    def chosen_on(self) -> NDArray[np.bool_]:
        """[n] faces that stackers may be fitted on and chosen by: sets search and confirm."""
        return np.asarray(set_of(self.group) != "final")

    def final_pool(
        self,
        predicted: NDArray[np.floating],
        weight: float = 1.0,
        kept: NDArray[np.bool_] | None = None,
    ) -> Pool:
        """The errors of predictions [n', p, 2] of the n' faces of set final, in order; only of
        those that are `kept` [n]."""
        rows = ~self.chosen_on
        kept = np.ones(rows.sum(), np.bool_) if kept is None else kept[rows]
        truth, group = self.truth[rows][kept], self.group[rows][kept]
        return Pool.of_points(predicted[kept], truth, group, weight)

    def rmse_mirrored(self, member: str) -> float | None:
        """RMSE of a member on all faces, px, mean of each and its mirror picture; None where that
        is not known."""
        if self.mirrored is None:
            return None
        said = self.mirrored[self.members.index(member)]
        return float(np.sqrt(Pool.of_points(said, self.truth, self.group).mse))

    def errors_by_fold(self) -> NDArray[np.float64]:
        """[K, M] RMSE of each member on the faces of each of the first member's folds, without
        test-time augmentation, px."""
        found = []
        for fold in np.unique(self.fold[0]):
            rows = self.fold[0] == fold
            each = [
                Pool.of_points(said[rows], self.truth[rows], self.group[rows])
                for said in self.plain
            ]
            found.append([np.sqrt(pool.mse) for pool in each])
        return np.array(found)

    def inputs(self) -> Inputs:
        """Of the faces, for a stacker."""
        return Inputs(_flat(self.own), self.other)

    def test_inputs(self, part: int | None = None) -> Inputs:
        """Of the test images; with a `part`, as its fits alone answer them."""
        said = self.test if part is None else self.by_part[part]
        return Inputs(_flat(said), self.test_other)

    @property
    def targets(self) -> NDArray[np.float64]:
        """[n, 2p]"""
        return self.truth.reshape(len(self.truth), -1).astype(np.float64)


def _flat(points: Points) -> NDArray[np.float64]:
    """[n, M, 2p] from [M, n, p, 2]."""
    members, n = points.shape[:2]
    return np.ascontiguousarray(points.reshape(members, n, -1).swapaxes(0, 1), np.float64)
