"""Replay: a study's rule of proposals asked again with the results that are on record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import BaseTrial, FrozenTrial

from fkd_core.errors import UserError
from fkd_core.studies.history import Past
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.sampling import SAMPLERS, Sampler

RULE = "proposals"
"""The note of a study that holds its rule."""


@dataclass(frozen=True)
class Replayed:
    """One trial: what is on record, and what the rule proposes."""

    trial: FrozenTrial
    proposed: Mapping[str, Any] | None
    """None where the rule could not have been asked: a trial it must wait for has not ended."""

    @property
    def same(self) -> bool:
        """Exactly the same parameters."""
        return self.proposed == self.trial.params


def rule_of(
    study: str, notes: Mapping[str, Any], samplers: Sequence[type[Sampler]] = SAMPLERS
) -> Proposals:
    """The rule that a study's notes hold. Raises UserError where there is none that is known, for
    instance as its sampler is none of these."""
    if RULE not in notes:
        raise UserError(
            f"study {study} does not tell how its trials were proposed: it was searched before "
            "that was kept; search it anew to replay it"
        )
    try:
        return Proposals.from_json(notes[RULE], samplers)
    except TypeError as error:
        raise UserError(
            f"study {study} was proposed by another version of this code ({error}); check that "
            "version out, or hand in the sampler"
        ) from error


def replay(study: str, rule: Proposals, trials: Sequence[FrozenTrial]) -> Iterator[Replayed]:
    """Asks for every trial of the study again, in order, also for those not ended yet.

    The space is rebuilt from what each trial was asked for, so a replay needs no search space.
    """
    past = Past()
    for n, trial in enumerate(trials):
        while len(past) < rule.seen(n) and trials[len(past)].state.is_finished():
            past.add(trials[len(past)])
        proposed = None
        if len(past) == rule.seen(n):
            since = trials[len(past) : n]
            proposed = rule.propose(study, past, since, _Space(trial)).params
        yield Replayed(trial, proposed)


@dataclass(frozen=True)
class _Space:
    """Asks for what a trial was asked for."""

    recorded: FrozenTrial

    def __call__(self, trial: BaseTrial) -> None:
        for name, distribution in self.recorded.distributions.items():
            _suggest(trial, name, distribution)


def _suggest(trial: BaseTrial, name: str, among: BaseDistribution) -> None:
    match among:
        case FloatDistribution():
            trial.suggest_float(name, among.low, among.high, step=among.step, log=among.log)
        case IntDistribution():
            trial.suggest_int(name, among.low, among.high, step=among.step, log=among.log)
        case CategoricalDistribution():
            trial.suggest_categorical(name, among.choices)
        case _:
            raise UserError(f"parameter {name} has a distribution of an unknown kind: {among}")
