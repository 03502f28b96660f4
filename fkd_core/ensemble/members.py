"""Members: the Level-1 models of an ensemble, each a set of fits over folds and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split
from fkd_core.fitting.spec import FitSpec
from fkd_core.sources import PIPELINES


@dataclass(frozen=True)
class Member:
    """One configuration, trained for every fold and seed. All members of a pipeline are dealt the
    same folds; a joint one is dealt the faces of all its sources together."""

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
        """See ``member_name``."""
        return member_name(self.spec)

    @property
    def pipeline(self) -> str:
        """Whose faces it learns from."""
        return self.spec.pipeline

    @property
    def fits(self) -> list[FitSpec]:
        """Seed by seed, fold by fold."""
        return by_seed(self.parts)

    @property
    def parts(self) -> list[list[FitSpec]]:
        """The same, those of each fold together: one a seed."""
        return [[self._fit(fold, seed) for seed in self.seeds] for fold in range(self.folds)]

    def refits(self, faces: Faces, number: int = 1) -> list[list[FitSpec]]:
        """So many parts again, each of one fit a seed on everything, as the reference does before
        it predicts: on all image groups but one, which keeps these fits of the same form as all
        others. Every part has seeds of its own; the first one's are the member's."""
        groups = len(np.unique(faces.group[faces.labelled(PIPELINES[self.pipeline])]))
        whole, step = replace(self, folds=groups), len(self.seeds)
        return [
            [whole._fit(0, seed + part * step) for seed in self.seeds] for part in range(number)
        ]

    def _fit(self, fold: int, seed: int) -> FitSpec:
        split = Split(
            family="all",
            folds=self.folds,
            fold=fold,
            seed=self.deal,
            limit=self.spec.split.limit,
            stop_share=self.spec.split.stop_share,
        )
        return self.spec.everywhere(split=split, seed=seed)


def by_seed(parts: Sequence[Sequence[FitSpec]]) -> list[FitSpec]:
    """The fits of all parts, the first of each before the second of any: the first few of them,
    where not all are kept, have learned from different faces."""
    return [fit for together in zip(*parts, strict=True) for fit in together]


def member_name(spec: FitSpec) -> str:
    """The models': see ``FitSpec.name``; with the pipeline before it where that teaches several
    sources, since a model may also stand beside itself as a specialist."""
    joint = len(spec.taught.sources) > 1
    return f"{spec.pipeline}-{spec.name}" if joint else spec.name


def of_source(members: Sequence[Member], source: str) -> list[Member]:
    """Those that were taught a source's style, in order."""
    return [member for member in members if source in PIPELINES[member.pipeline].sources]


def sources_of(members: Sequence[Member]) -> list[str]:
    """Those that members were taught, in order: each has a half of the ensemble."""
    taught = (PIPELINES[member.pipeline].sources for member in members)
    return list(dict.fromkeys(source for sources in taught for source in sources))
