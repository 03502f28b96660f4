"""Pruners: when a trial need not be scored to its end.

A pruner is asked at every look at a trial on its way, and sees nothing else, so that it decides
the same whatever the timing. Anybody's will do: ``fkd_core.testing`` has the suite for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fkd_core.fitting.result import FitResult
from fkd_core.studies.paired import differences


@dataclass(frozen=True)
class Look:
    """A trial on its way, as far as rules may see it."""

    results: Sequence[FitResult]
    """Its whole fits."""
    value: float
    """Its value now."""
    peers: Sequence[float]
    """Values at the same step of those earlier trials that had ended when it was proposed."""


class Pruner(Protocol):
    """A function of a look; an object's ``repr`` says all that it decides by."""

    def __call__(self, look: Look, /) -> bool:
        """Whether the trial need not go on."""


@dataclass(frozen=True)
class Never:
    """Scores every trial to its end."""

    def __call__(self, look: Look, /) -> bool:
        return False


@dataclass(frozen=True)
class Halving:
    """Successive halving: see ``falls_behind``."""

    eta: int = 2

    def __call__(self, look: Look, /) -> bool:
        return falls_behind(look.value, look.peers, self.eta)


@dataclass(frozen=True, eq=False)
class Racing:
    """A race of a trial's fits against their controls: see ``hopeless``."""

    control: Sequence[FitResult] = field(repr=False)
    """In the order of the trial's fits; the study's name says which."""
    noise: float
    """px"""

    def __call__(self, look: Look, /) -> bool:
        return hopeless(differences(look.results, self.control), self.noise)


def hopeless(differences: Sequence[float], noise: float, z: float = 2.0) -> bool:
    """Whether a configuration that differs so from its control will hardly turn out better.

    `differences` are treatment minus control in px on the pairs scored so far, `noise` the
    deviation of one difference (px) that seeds alone make. True where the mean is above zero by
    more than z standard errors, each at least as large as the noise says. It looks at no other
    trial, so it decides the same whatever the timing (a one-sided z-test used as a race, after
    Maron and Moore 1994, Hoeffding races); it serves choosing only and is never evidence.
    """
    k = len(differences)
    if not k:
        return False
    mean = sum(differences) / k
    return mean > z * noise / math.sqrt(k)


def falls_behind(value: float, peers: Sequence[float], eta: int) -> bool:
    """Whether a trial is not among the best 1/eta of those that came this far.

    `value` is its own at this rung and `peers` are the others' there; lower is better. Fewer than
    eta others decide nothing. The stopping rule of successive halving run trial by trial (Li et
    al. 2020, A system for massively parallel hyperparameter tuning, arXiv 1810.05934); here the
    peers are the trials that had ended when this one was proposed, so timing changes nothing.
    """
    if len(peers) < eta:
        return False
    better = sum(peer <= value for peer in peers)
    return better >= max(1, (len(peers) + 1) // eta)
