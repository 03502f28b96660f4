"""Proposals: which parameters a trial gets, as a rule that is plain data.

Trial n is proposed by a sampler seeded with (study, seed, n) that sees the trials up to n - W as
they ended and the W - 1 after them only as running. So the proposals are the same whatever the
timing of the workers and however often a driver was killed. The rule is kept with its study, and
can be asked again: see ``replay``.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import optuna
from optuna.samplers import BaseSampler, GridSampler, RandomSampler, TPESampler
from optuna.trial import BaseTrial, FrozenTrial, TrialState


@dataclass(frozen=True)
class Proposals:
    """The rule of one study."""

    sampler: Literal["grid", "random", "tpe"]
    """Which of Optuna's samplers."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Its arguments besides the seed, as JSON."""
    seed: int = 0
    lag: int = 4
    """W: trial n waits until the trials up to n - W have ended; bounds the parallelism."""
    first: Sequence[Mapping[str, Any]] = ()
    """Parameters of the first trials, in place of the sampler's."""

    def propose(
        self,
        study: str,
        trials: Sequence[FrozenTrial],
        space: Callable[[BaseTrial], object],
    ) -> FrozenTrial:
        """The trial after these, all of its study so far; `space` asks for its parameters."""
        n = len(trials)
        shadow = optuna.create_study(direction="minimize", sampler=self._sampler(study, n))
        for trial in trials:
            visible = trial.number < self.seen(n)
            shadow.add_trial(trial if visible else _as_running(trial))
        if n < len(self.first):
            shadow.enqueue_trial(dict(self.first[n]))
        space(shadow.ask())
        return _as_running(shadow.trials[-1])

    def seen(self, n: int) -> int:
        """How many trials, from the first on, have ended before trial n is proposed."""
        return max(0, n - self.lag + 1)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Proposals:
        """What ``to_json`` gave."""
        return cls(**data)

    def _sampler(self, study: str, n: int) -> BaseSampler:
        if self.sampler == "grid":  # its seed shuffles the grid, of which trial n takes point n
            return GridSampler(self.options["search_space"], seed=self.seed)
        digest = hashlib.sha256(f"{study}:{self.seed}:{n}".encode()).digest()
        seed = int.from_bytes(digest[:4], "big")
        if self.sampler == "random":
            return RandomSampler(seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return TPESampler(seed=seed, **self.options)


def _as_running(trial: FrozenTrial) -> FrozenTrial:
    """The trial as it was when it was proposed."""
    return optuna.trial.create_trial(
        state=TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        system_attrs=trial.system_attrs,
    )
