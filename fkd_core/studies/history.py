"""What is known of a study, kept up to date by reading the trials that changed and no others.

So what a trial costs the driver, in time and memory, does not grow with the trials before it.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from fkd_core.studies import rows

BEST, LATEST = 25, 100
"""Ended trials that a proposal sees: so many of the best, for TPE takes no more for good, and so
many of the latest, for those before them weigh next to nothing there."""


class Past:
    """The first trials of a study, all of them ended, as far as rules may see them.

    It follows from these trials alone, not from the order in which they ended.
    """

    def __init__(self) -> None:
        self._count = self._scored = 0
        self._best: list[tuple[tuple[float, ...], FrozenTrial]] = []
        self._latest: deque[FrozenTrial] = deque(maxlen=LATEST)
        self._steps: dict[int, tuple[array[int], array[float]]] = {}

    def __len__(self) -> int:
        """How many trials they are."""
        return self._count

    @property
    def scored(self) -> int:
        """Those of them that are whole or were pruned."""
        return self._scored

    @property
    def trials(self) -> list[FrozenTrial]:
        """The best and the latest, in order of their numbers."""
        kept = {trial.number: trial for _, trial in self._best}
        kept |= {trial.number: trial for trial in self._latest}
        return [kept[number] for number in sorted(kept)]

    def peers(self, step: int, before: int) -> list[float]:
        """Values at this step of the trials with numbers below `before`, in their order."""
        numbers, values = self._steps.get(step, (array("l"), array("d")))
        return values[: bisect_left(numbers, before)].tolist()

    def add(self, trial: FrozenTrial) -> None:
        """The next trial."""
        assert trial.number == self._count, "trials are added in order"
        assert trial.state.is_finished()
        self._count += 1
        self._latest.append(trial)
        for step, value in trial.intermediate_values.items():
            numbers, values = self._steps.setdefault(step, (array("l"), array("d")))
            numbers.append(trial.number)
            values.append(value)
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            self._scored += 1
            self._best.append((_rank(trial), trial))
            self._best.sort(key=lambda ranked: ranked[0])
            del self._best[BEST:]


class History:
    """One study in a storage: how many trials there are, which are under way, what they cost."""

    def __init__(self, storage: BaseStorage, study: int, seen: Callable[[int], int]) -> None:
        """`study` is Optuna's id; `seen` says how many trials must have ended before trial n is
        proposed."""
        self._storage, self._study, self._seen = storage, study, seen
        self.past = Past()
        self._recent: dict[int, FrozenTrial] = {}  # those that the past does not reach yet
        self._open: dict[int, rows.Head] = {}
        self._count, self._newest, self._spent = 0, -1, 0.0

    def __len__(self) -> int:
        """How many trials there are, ended or not."""
        return self._count

    @property
    def open(self) -> list[int]:
        """Numbers of the trials that have not ended."""
        return sorted(self._open)

    @property
    def spent(self) -> float:
        """Seconds that workers have given to all trials."""
        return self._spent + sum(head.seconds for head in self._open.values())

    @property
    def settled(self) -> bool:
        """Whether all that the next trial may see has ended; then the past reaches up to it."""
        return len(self.past) == self._seen(self._count)

    @property
    def since(self) -> list[FrozenTrial]:
        """The trials after the past."""
        return [self._recent[number] for number in range(len(self.past), self._count)]

    def read(self) -> None:
        """Takes in what has changed."""
        known = [head.id for head in self._open.values()]
        found = rows.heads(self._storage, self._study, self._newest, known)
        changed = [h for h in found if h.state.is_finished() or h.id > self._newest]
        for head in found:
            self._open[head.number] = head
            self._newest = max(self._newest, head.id)
            self._count = max(self._count, head.number + 1)
        for trial in rows.trials(self._storage, changed):
            self._recent[trial.number] = trial
            if trial.state.is_finished():
                self._spent += self._open.pop(trial.number).seconds
            while self._past_can_grow():
                self.past.add(self._recent.pop(len(self.past)))

    def open_trial(self, number: int) -> FrozenTrial | None:
        """A trial that has not ended, read anew; None where it has."""
        self.read()
        if number not in self._open:
            return None
        (trial,) = rows.trials(self._storage, [self._open[number]])
        return trial

    def _past_can_grow(self) -> bool:
        following = self._recent.get(len(self.past))
        below = len(self.past) < self._seen(self._count)
        return below and following is not None and following.state.is_finished()


def _rank(trial: FrozenTrial) -> tuple[float, ...]:
    """As TPE ranks them: whole ones by value, then pruned ones by how far they came."""
    if trial.state == TrialState.COMPLETE:
        return 0.0, 0.0, float(trial.value or 0.0), trial.number
    if not trial.intermediate_values:
        return 1.0, 1.0, 0.0, trial.number
    step, value = max(trial.intermediate_values.items())
    return 1.0, -step, math.inf if math.isnan(value) else value, trial.number
