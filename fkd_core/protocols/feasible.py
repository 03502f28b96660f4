"""Whether there are faces enough for what is planned, asked before any of it begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from fkd_core.data.annotators import annotators
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Family, split
from fkd_core.errors import UserError
from fkd_core.fitting.spec import FitSpec
from fkd_core.sources import PIPELINES

SETS: tuple[Family, ...] = ("search", "confirm", "final")
ENOUGH = 100
"""Labelled faces, from which on another pipeline is worth naming."""


def check_enough(faces: Faces, specs: Iterable[FitSpec], sets: Sequence[Family] = SETS) -> None:
    """Raises UserError where a fit like one of these would have nobody to train on, to stop by or
    to be scored by, in some fold of some of these sets, or nothing to straighten faces by."""
    for spec in dict.fromkeys(specs):
        first = spec.taught.sources[0]
        if spec.aligned_by and first not in annotators(faces):
            raise UserError(
                f"no face has the points of the annotator {first}, by which {spec.name} is "
                f"straightened; {_remedy(faces, spec.pipeline)}"
            )
        for family in sets:
            for fold in range(spec.split.folds):
                try:
                    split(faces, spec.taught, replace(spec.split, family=family, fold=fold))
                except ValueError as error:
                    raise UserError(f"{error}; {_remedy(faces, spec.pipeline)}") from error


def _remedy(faces: Faces, pipeline: str) -> str:
    there = [n for n, each in PIPELINES.items() if faces.labelled(each).sum() >= ENOUGH]
    others = [n for n in there if n != pipeline and {*PIPELINES[n].sources} <= {*there}]
    if others:
        return f"give more of them, or take others: --pipelines {others[0]}"
    return "give more labelled faces"
