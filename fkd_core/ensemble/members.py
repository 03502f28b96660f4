"""Members: the Level-1 models of an ensemble, each a set of fits over folds and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split
from fkd_core.fitting.spec import FitSpec
from fkd_core.keypoints import PIPELINES


@dataclass(frozen=True)
class Member:
    """One configuration, trained for every fold and seed. All members of a pipeline are dealt the
    same folds."""

    spec: FitSpec
    """The configuration; what it says of family, folds, fold and seed is replaced."""
    seeds: tuple[int, ...] = (0,)
    """Of weights and batch order; one fit a fold each."""
    folds: int = 5
    """K: every face is held out once a seed."""
    deal: int = 0
    """Seed of the deal into folds."""

    @property
    def name(self) -> str:
        """The model's."""
        return self.spec.model.name

    @property
    def pipeline(self) -> str:
        """Whose faces it learns from."""
        return self.spec.pipeline

    @property
    def fits(self) -> list[FitSpec]:
        """Seed by seed, fold by fold."""
        return [self._fit(fold, seed) for seed in self.seeds for fold in range(self.folds)]

    def refits(self, faces: Faces) -> list[FitSpec]:
        """One fit a seed on everything, as the reference does before it predicts: on all image
        groups but one, which keeps these fits of the same form as all others."""
        own = faces.of_mask(PIPELINES[self.pipeline]) & faces.labelled(PIPELINES[self.pipeline])
        groups = len(np.unique(faces.group[own]))
        return [replace(self, folds=groups)._fit(0, seed) for seed in self.seeds]

    def _fit(self, fold: int, seed: int) -> FitSpec:
        split = Split(
            family="all",
            folds=self.folds,
            fold=fold,
            seed=self.deal,
            limit=self.spec.split.limit,
            stop_share=self.spec.split.stop_share,
        )
        return replace(self.spec, split=split, seed=seed)


def of_pipeline(members: Sequence[Member], pipeline: str) -> list[Member]:
    """Those that learn from a pipeline's faces, in order."""
    return [member for member in members if member.pipeline == pipeline]
