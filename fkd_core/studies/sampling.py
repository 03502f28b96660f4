"""Samplers: which parameters a trial gets.

A sampler is a frozen dataclass of plain data, kept with its study as its name and its fields, so
that a study can be asked again. Anybody's will do: ``fkd_core.testing`` has the suite for it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import optuna
from optuna.samplers import BaseSampler, GridSampler, RandomSampler, TPESampler

from fkd_core.studies.history import BEST


@dataclass(frozen=True)
class Turn:
    """The trial that a sampler is asked for."""

    seed: int
    """Of this trial: all that is random in its proposal."""
    study_seed: int
    """The same for all trials of a study."""
    scored: int
    """Earlier trials that were scored, whole or pruned; those shown to it are fewer."""


class Sampler(Protocol):
    """A frozen dataclass whose fields JSON can hold."""

    name: ClassVar[str]
    """What it is kept as."""

    def for_trial(self, turn: Turn) -> BaseSampler:
        """Optuna's sampler that is asked for this one trial. It is made anew for each, and sees
        the study as ``Proposals`` shows it: equal turns and studies must give equal proposals."""


@dataclass(frozen=True)
class Grid:
    """Every combination once, in an order that the study's seed shuffles."""

    search_space: Mapping[str, Sequence[Any]]
    """Parameter to its values."""
    name: ClassVar[str] = "grid"

    def for_trial(self, turn: Turn) -> BaseSampler:
        return GridSampler(self.search_space, seed=turn.study_seed)


@dataclass(frozen=True)
class Random:
    """Each trial by itself."""

    name: ClassVar[str] = "random"

    def for_trial(self, turn: Turn) -> BaseSampler:
        return RandomSampler(seed=turn.seed)


@dataclass(frozen=True)
class TPE:
    """Tree-structured Parzen estimator (Bergstra et al. 2011, Algorithms for hyper-parameter
    optimization), Optuna's own."""

    n_startup_trials: int = 10
    """Random ones before it models what came before."""
    multivariate: bool = True
    """Parameters are modelled together."""
    group: bool = False
    """So are those that only some trials have, group by group."""
    constant_liar: bool = True
    """Trials that run count as bad ones, so that no two try the same."""
    name: ClassVar[str] = "tpe"

    def for_trial(self, turn: Turn) -> BaseSampler:
        good = min(math.ceil(turn.scored / 10), BEST)  # TPE's own share, of all that were scored
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            warnings.simplefilter("ignore", FutureWarning)
            return TPESampler(
                seed=turn.seed,
                # It would count those that it is shown.
                n_startup_trials=0 if turn.scored >= self.n_startup_trials else 1 + turn.scored,
                gamma=lambda _: good,
                multivariate=self.multivariate,
                group=self.group,
                constant_liar=self.constant_liar,
            )


SAMPLERS: tuple[type[Sampler], ...] = (Grid, Random, TPE)
"""Those that every study may be asked again with."""
