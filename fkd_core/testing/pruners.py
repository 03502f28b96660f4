"""What every pruner must do, whoever wrote it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from fkd_core.augment.policy import Policy, Step
from fkd_core.data.folds import Split
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models.lenet5 import LeNet5
from fkd_core.running.simulated import outcome, simulated_faces
from fkd_core.studies.paired import in_turn
from fkd_core.studies.pruning import Look, Pruner

GOOD, NONE, BAD = "rotation", "", "mirror_without_swap"
"""Transforms under which simulated fits are better, as good, and worse."""


@cache
def simulated(transform: str, fits: int = 4) -> tuple[FitResult, ...]:
    """So many simulated fits of one trial."""
    steps = (Step(transform, 1.0, 0.5),) if transform else ()
    faces, found = simulated_faces(), []
    for fold, seed in in_turn(fits, 2, 0):
        spec = FitSpec(
            LeNet5(),
            split=Split(folds=2, fold=fold),
            training=Training(6),
            policy=Policy(steps),
            seed=seed,
        )
        found.append(outcome(spec, faces))
    return tuple(fit for fit in found if isinstance(fit, FitResult))


class PrunerConformance:
    """Subclass it with a fixture `pruner`, the one in question; one that compares with controls
    may take ``simulated("")``. Lower values are better, as everywhere."""

    def test_a_trial_of_which_nothing_is_known_goes_on(self, pruner: Pruner) -> None:
        assert pruner(Look([], 3.0, [])) is False

    def test_the_best_so_far_goes_on(self, pruner: Pruner) -> None:
        peers = [look.value for look in looks(GOOD, BAD)]
        for look in looks(GOOD):
            best = Look(look.results, min(look.value, *peers) - 0.1, peers)
            assert pruner(best) is False

    def test_it_answers_yes_or_no_and_the_same_again(self, pruner: Pruner) -> None:
        peers = [look.value for look in looks(GOOD, NONE, BAD)]
        for look in looks(GOOD, NONE, BAD):
            for seen in (Look(look.results, look.value, peers[:n]) for n in (0, 1, 5, len(peers))):
                first = pruner(seen)
                assert isinstance(first, bool)
                assert pruner(seen) is first

    def test_what_it_looks_at_stays_as_it_is(self, pruner: Pruner) -> None:
        results, peers = list(simulated(BAD)), [3.0, 2.0, 4.0, 1.0]
        pruner(Look(results, 9.0, peers))
        assert results == list(simulated(BAD))
        assert peers == [3.0, 2.0, 4.0, 1.0]

    @pytest.mark.parametrize("value", [math.inf, 3.0])
    def test_values_that_are_not_finite_are_no_error(self, pruner: Pruner, value: float) -> None:
        assert isinstance(pruner(Look([], value, [math.inf, 2.0, math.inf, math.inf])), bool)

    def test_it_says_what_it_decides_by(self, pruner: Pruner) -> None:
        assert " at 0x" not in repr(pruner), "its repr is part of a study's name"


def looks(*transforms: str) -> Sequence[Look]:
    """At trials under these, after each of their fits."""
    found = []
    for transform in transforms:
        results = simulated(transform)
        for fits in range(1, len(results) + 1):
            value = float(np.mean([result.rmse for result in results[:fits]]))
            found.append(Look(results[:fits], value, ()))
    return found
