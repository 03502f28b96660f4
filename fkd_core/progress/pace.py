"""What fits took so far, and how fast workers are.

Speed is in the seconds that fits say of themselves, a second and worker, so that whatever passes
between two fits is in the count without being known.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence

from fkd_core.fitting.spec import FitSpec
from fkd_core.progress.parts import Part

Kind = tuple[str, str, int]
"""Fits that take about equally long: model, pipeline and epochs."""

_ENOUGH = 25  # fits of a kind from which on the latest say how long one takes


def kind_of(spec: FitSpec) -> Kind:
    """Of this fit."""
    return spec.name, spec.pipeline, spec.training.epochs


class Took:
    """Seconds that the fits of this run took, kind by kind, beside what was thought before."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._thought = {kind_of(part.spec): part.seconds for part in parts if part.spec}
        self._took: dict[Kind, list[float]] = defaultdict(list)

    def add(self, kind: Kind, seconds: float) -> None:
        """A fit of this kind took so long."""
        self._took[kind].append(seconds)

    def of(self, kind: Kind) -> float:
        """What such a fit takes, by what such fits took, or, epoch for epoch, those of another
        length; 0 where this run has done none of its model yet."""
        if took := self._took.get(kind):
            return _latest(took)
        own = [(k[2], took) for k, took in self._took.items() if k[:2] == kind[:2] and took]
        rates = [_latest(took) / epochs for epochs, took in own]
        return kind[2] * statistics.fmean(rates) if rates else 0.0

    def expected(self, kind: Kind) -> float:
        """The same; where there are none, what was thought before, by how that held for other
        kinds, or else what any fit took."""
        return self.of(kind) or self._thought.get(kind, 0.0) * self._slower or self.usual

    @property
    def usual(self) -> float:
        """What a fit took, on average; 0 before the first."""
        took = [seconds for each in self._took.values() for seconds in each]
        return _latest(took) if took else 0.0

    @property
    def _slower(self) -> float:
        """How many times longer fits took than was thought before."""
        known = {kind: took for kind, took in self._took.items() if self._thought.get(kind)}
        thought = sum(self._thought[kind] for kind in known)
        taken = sum(map(_latest, known.values()))
        return taken / thought if thought else 1.0


def _latest(took: Sequence[float]) -> float:
    """The mean of the last of them."""
    return statistics.fmean(took[-_ENOUGH:])


class Speed:
    """What a worker does in a second, in the seconds that fits say of themselves."""

    def __init__(self) -> None:
        self._work = self._active = self._mark = self._since = 0.0
        self._ends = list[float]()
        self._running: dict[FitSpec, float] | None = None

    @property
    def measured(self) -> bool:
        """Whether any work was done in any time."""
        return bool(self._active)

    def restart(self, now: float) -> None:
        """Workers begin with something else; what passed before is none of its time."""
        self._mark = self._since = now

    def forget(self) -> None:
        """No worker is known to have begun with anything."""
        self._running = None

    def begin(self, spec: FitSpec, now: float) -> None:
        """A worker begins with a fit; where nobody tells, each begins as another ends."""
        self._running = {**(self._running or {}), spec: now}

    def end(self, spec: FitSpec) -> None:
        """The fit runs no more."""
        if self._running is not None:
            self._running.pop(spec, None)

    def worked(self, seconds: float, now: float, crew: int) -> None:
        """So much was done by one of `crew` workers."""
        self._work += seconds
        self._active += (now - self._mark) * crew
        self._mark = now
        self._ends.append(now)

    def passed(self, now: float) -> float:
        """Seconds since work was last done; 0 before the first."""
        return now - self._mark if self._active else 0.0

    def under_way(self, busy: int) -> float:
        """What `busy` workers, but for the one that ended last, had done of their fits then."""
        if self._running is not None:
            return sum(max(0.0, self._mark - start) for start in self._running.values())
        others = busy - 1
        began = self._ends[:-1][-others:] if others > 0 else []
        began += [self._since] * (others - len(began))
        return sum(self._mark - max(start, self._since) for start in began)

    def a_second(self, busy: int, usual: float, fits: int) -> float:
        """The speed, after so many fits that took such a usual time; 1 before anything is known.
        So many workers are busy."""
        if not fits or not usual:
            return 1.0
        weight = usual / (1 + fits)
        return (self._work + self.under_way(busy) + weight) / (self._active + weight)
