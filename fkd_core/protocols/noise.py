"""The noise of comparisons, as fits that are kept show it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from fkd_core.augment.policy import Policy
from fkd_core.evidence import Components
from fkd_core.evidence.components import estimate
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FitResult, from_record
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.store import FitStore
from fkd_core.studies.paired import errors

Pair = tuple[int, int, int]
"""Deal, fold and seed."""
QUIET = 0.1
"""An augmentation whose error is within a tenth of none's is quiet."""
_DEVIATIONS = ("fit", "cell", "reaction")
_SHAPES = ("rmse", "difficulty", "tails")


def measured(results: Iterable[FitResult]) -> tuple[Components, int] | None:
    """The parts of the noise, and how many quiet augmentations they are the mean of: those that
    met none on the same deals with the same seeds, under equal training. None where no two rounds
    of such fits are among the results."""
    arms: dict[FitSpec, dict[Policy, dict[Pair, FitResult]]] = {}
    for result in results:
        spec = result.spec
        fits = arms.setdefault(_shared(spec), {}).setdefault(spec.policy, {})
        fits[spec.split.seed, spec.split.fold, spec.seed] = result
    found = [parts for by_policy in arms.values() for parts in _parts(by_policy)]
    if not found:
        return None
    means = {name: np.mean([getattr(parts, name) for parts in found]) for name in _SHAPES}
    for name in _DEVIATIONS:
        means[name] = np.sqrt(np.mean([getattr(parts, name) ** 2 for parts in found]))
    return Components(**{name: float(mean) for name, mean in means.items()}), len(found)


def confirmed(store: FitStore) -> Iterator[FitResult]:
    """All kept fits that a confirmation scored."""
    for row in store.rows(family="confirm", failure=""):
        stored = store.get(row["key"])
        result = from_record(stored.record, stored.arrays) if stored else None
        if isinstance(result, FitResult):
            yield result


def of_design(design: FitSpec, fits: Fits) -> Iterator[FitResult]:
    """Those among them that these faces and this code gave, under the design's training."""
    for result in confirmed(fits.store):
        if _shared(result.spec) == _shared(design) and fits.get(result.spec) is not None:
            yield result


def _parts(by_policy: dict[Policy, dict[Pair, FitResult]]) -> Iterator[Components]:
    """Of every quiet augmentation that met none."""
    control = by_policy.pop(Policy(), {})
    for fits in by_policy.values():
        both = [(fits[pair], control[pair]) for pair in fits if pair in control]
        apart = [abs(one.rmse / other.rmse - 1) for one, other in both]
        if len(both) > 1 and np.mean(apart) < QUIET:
            # A ValueError tells of two folds of one deal: no face was held out twice.
            with contextlib.suppress(ValueError):
                yield estimate([errors(one) for one, _ in both], [errors(two) for _, two in both])


def _shared(spec: FitSpec) -> FitSpec:
    """What fits have in common that are compared: all but the policy, the deal, fold and seed."""
    split = replace(spec.split, family="confirm", fold=0, seed=0)
    return replace(spec.everywhere(seed=0, split=split), policy=Policy())
