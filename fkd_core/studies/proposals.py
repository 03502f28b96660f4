"""Proposals: which parameters a trial gets, as a rule that is plain data.

Trial n is proposed by a sampler seeded with (study, seed, n) that sees, of the trials up to n - W,
the best and the latest as they ended (see ``Past``), and the W - 1 after them only as running. So
the proposals are the same whatever the timing of the workers and however often a driver was
killed. The rule is kept with its study, and can be asked again: see ``replay``.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import BaseTrial, FrozenTrial, TrialState

from fkd_core.studies.history import Past
from fkd_core.studies.sampling import SAMPLERS, Sampler, Turn


@dataclass(frozen=True)
class Proposals:
    """The rule of one study."""

    sampler: Sampler
    seed: int = 0
    lag: int = 4
    """W: trial n waits until the trials up to n - W have ended; bounds the parallelism."""
    first: Sequence[Mapping[str, Any]] = ()
    """Parameters of the first trials, in place of the sampler's."""

    def propose(
        self,
        study: str,
        past: Past,
        since: Sequence[FrozenTrial],
        space: Callable[[BaseTrial], object],
    ) -> FrozenTrial:
        """The trial after these, all of its study so far: `past` reaches as far as it may see, and
        of those `since` it sees the parameters only; `space` asks for its own."""
        n = len(past) + len(since)
        shown = _Shown([*past.trials, *map(_as_running, since)], n)
        digest = hashlib.sha256(f"{study}:{self.seed}:{n}".encode()).digest()
        turn = Turn(int.from_bytes(digest[:4], "big"), self.seed, past.scored)
        sampler = self.sampler.for_trial(turn)
        shadow = optuna.create_study(direction="minimize", storage=shown, sampler=sampler)
        if n < len(self.first):
            shadow.enqueue_trial(dict(self.first[n]))
        asked = shadow.ask()
        space(asked)
        return _as_running(shown.get_trial(asked._trial_id))

    def seen(self, n: int) -> int:
        """How many trials, from the first on, have ended before trial n is proposed."""
        return max(0, n - self.lag + 1)

    def to_json(self) -> dict[str, Any]:
        """As plain data. Raises TypeError where the sampler's fields are none."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data | {"sampler": self.sampler.name, "options": data["sampler"]}

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], samplers: Sequence[type[Sampler]] = SAMPLERS
    ) -> Proposals:
        """What ``to_json`` gave. Raises TypeError where it is not understood, for instance as its
        sampler is none of these."""
        parts = dict(data)
        known = {kind.name: kind for kind in samplers}
        if (name := parts.pop("sampler")) not in known:
            raise TypeError(f"there is no sampler {name!r} among {', '.join(known)}")
        first = tuple(parts.pop("first", ()))
        return cls(known[name](**parts.pop("options", {})), first=first, **parts)


class _Shown(InMemoryStorage):
    """What a sampler sees of a study: some of its trials, as they are, and the one it is asked
    for. Optuna's own storage would copy every one of them for every proposal."""

    def __init__(self, trials: Sequence[FrozenTrial], number: int) -> None:
        super().__init__()
        self._shown, self._number = trials, number

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        trial = super().create_new_trial(study_id, template_trial)
        super().get_trial(trial).number = self._number
        return trial

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        shown = [trial for trial in self._shown if states is None or trial.state in states]
        own = super().get_all_trials(study_id, deepcopy, states)
        return [*(copy.deepcopy(shown) if deepcopy else shown), *own]


def _as_running(trial: FrozenTrial) -> FrozenTrial:
    """The trial as it was when it was proposed."""
    return optuna.trial.create_trial(
        state=TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        system_attrs=trial.system_attrs,
    )
