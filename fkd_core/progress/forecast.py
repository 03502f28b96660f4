"""About how long a run still takes, by what its fits took so far.

Work is counted in the seconds that fits say of themselves. What is not begun yet stands in the
plan as parts; once a part begins, it is told what the store holds of it already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fkd_core.fitting.spec import FitSpec
from fkd_core.progress.pace import Kind, Speed, Took, kind_of
from fkd_core.progress.parts import Part


@dataclass
class _Search:
    """The searches of a stage, taken together."""

    trials: int
    ended: int
    """Those before this run included."""
    prior: float
    """What a trial should cost."""
    most: float | None
    at_once: int
    costs: float = 0.0
    counted: int = 0
    """Trials that costs are known of."""
    begun: float = 0.0
    """What was done of trials that have not ended."""

    def add(self, cost: float) -> None:
        """A trial that cost so much has ended."""
        self.costs, self.counted = self.costs + cost, self.counted + 1
        self.begun = max(0.0, self.begun - cost)

    @property
    def trial_seconds(self) -> float:
        """What a trial costs."""
        return (2 * self.prior + self.costs) / (2 + self.counted)

    @property
    def left(self) -> float:
        """Work that is left of them."""
        left = (self.trials - self.ended) * self.trial_seconds
        if self.most is not None:
            left = min(left, max(0.0, self.most - self.costs))
        return max(0.0, left - self.begun)


class Forecast:
    """Told what begins and ends, and when; says what is left. `parts` come in order."""

    def __init__(self, parts: Sequence[Part] = (), workers: int = 1) -> None:
        self._parts, self.workers = list(parts), max(1, workers)
        self._took, self._speed = Took(parts), Speed()
        self._stage = ""
        self._over: set[str] = set()
        self._begun = 0.0
        self._step: tuple[int, int] = (0, 0)
        self._stage_seconds: dict[str, float] = {}
        self._lacking: Counter[Kind] = Counter()
        self._search: _Search | None = None
        self._mine: set[FitSpec] = set()
        self.done = 0
        """Fits that this run has done."""
        self.stored = 0
        """Fits of begun parts that were there before."""

    def stage(self, name: str, now: float) -> None:
        """The stage of this name begins; the one before is over."""
        if self._stage:
            self._over.add(self._stage)
            like = next((p.like for p in self._parts if p.stage == self._stage and p.like), "")
            if like:
                self._stage_seconds[like] = now - self._begun
        self._stage, self._begun, self._step = name, now, (0, 0)
        self._lacking.clear()
        self._search = None
        self._speed.restart(now)

    def expect(self, stage: str, parts: Sequence[Part]) -> None:
        """A stage that has not begun is expected to do this, in place of what was planned."""
        first = next((i for i, p in enumerate(self._parts) if p.stage == stage), len(self._parts))
        kept = [part for part in self._parts if part.stage != stage]
        self._parts = [*kept[:first], *parts, *kept[first:]]

    def fits(self, wanted: Sequence[FitSpec], lacking: Sequence[FitSpec], now: float) -> None:
        """These are wanted next, of which those are lacking."""
        self._speed.restart(now)
        self.stored += max(0, len(wanted) - len(lacking))
        self._lacking.clear()
        self._lacking.update(map(kind_of, lacking))
        self._speed.forget()
        self._search = None
        own = [part for part in self._own if part.spec and not part.trials]
        # Few that are all there, such as a search's control, are no part of the plan.
        if own and (lacking or 2 * len(wanted) > own[0].fits):
            self._take(own, max(len(wanted), len(lacking)))  # lacking: also what aligns them

    def searches(self, trials: int, ended: int, now: float) -> None:
        """So many trials are searched next, of which some have ended before."""
        self._speed.restart(now)
        own = [part for part in self._own if part.trials]
        if not own:  # trials that only record what was done
            self._search = None
            return
        self._lacking.clear()
        self._speed.forget()
        named = sum(part.trials for part in own)
        work = sum(part.fits * part.share * part.seconds for part in own)
        fits = sum(part.fits * part.share for part in own)
        limits = [part.most for part in own if part.most is not None]
        stored = round(ended * fits / named)
        at_once = sum(part.at_once for part in own)
        most = sum(limits) if len(limits) == len(own) else None
        self._search = _Search(max(trials, ended), ended, work / named, most, at_once)
        self.stored += stored
        self._parts = [part for part in self._parts if part not in own]

    def begin(self, spec: FitSpec, now: float) -> None:
        """A worker begins with a fit."""
        self._speed.begin(spec, now)

    def fit(self, spec: FitSpec, seconds: float, now: float) -> None:
        """A fit is done, which took its worker so long."""
        kind = kind_of(spec)
        self.done += 1
        self._mine.add(spec)
        self._speed.end(spec)
        if seconds > 0:
            self._took.add(kind, seconds)
        if self._lacking[kind] > 0:
            self._lacking[kind] -= 1
        self._worked(seconds, now)

    def trial(
        self, whole: Sequence[FitSpec], seconds: float, cut: FitSpec | None, share: float,
        now: float,
    ) -> None:  # fmt: skip
        """A trial has ended with these whole fits, which took `seconds`, and with a share of one
        more, where that was cut short."""
        if self._search is None:
            return
        partly = share * self._seconds(cut) if cut and share > 0 else 0.0
        if partly:
            self._worked(partly, now)
        search = self._search
        search.ended += 1
        mine = any(spec in self._mine for spec in whole)
        if mine or partly:
            search.add(seconds * mine + partly)
        else:
            self.stored += len(whole)

    def step(self, done: int, total: int) -> None:
        """So many of the stage's own steps are done."""
        self._step = done, total

    def ready(self, workers: int, now: float) -> None:
        """So many workers there are; the first of them has just begun to work."""
        self.workers = max(1, workers)
        if not self._speed.measured:
            self._speed.restart(now)

    def left(self, now: float) -> float | None:
        """Seconds until the end, about; None where nothing is known of what is to come."""
        speed = self._speed.a_second(self._busy, self._took.usual, self.done)
        ahead = [p for p in self._parts if p.stage not in self._over and p.stage != self._stage]
        here = self._here()
        found = [self._during(here, self._longest(), speed, self._crew)] if here else []
        found += [seconds for seconds in [self._steps_here(now)] if seconds is not None]
        for stage in dict.fromkeys(part.stage for part in ahead):
            own = [part for part in ahead if part.stage == stage]
            work = sum(self._expected(part) for part in own if part.spec)
            unit = max((self._seconds(p.spec) or p.seconds for p in own if p.spec), default=0.0)
            crew = min(self.workers, sum(part.at_once for part in own))
            found.append(self._during(work, unit, speed, crew) + sum(map(self._waiting, own)))
        # What passed since the last news: no more than what is left.
        passed = self._speed.passed(now) if here else 0.0
        total = sum(found)
        return max(total - passed, 0.1 * total) if found else None

    @property
    def expected(self) -> int:
        """Fits that this run still should do, about."""
        ahead = [p for p in self._parts if p.spec and p.stage not in self._over]
        search = self._search
        cost = self._took.usual
        open_trials = search.trials - search.ended if search else 0
        searched = open_trials * search.trial_seconds / cost if search and cost else 0.0
        return round(sum(p.fits * p.share for p in ahead) + self._lacking.total() + searched)

    @property
    def _own(self) -> list[Part]:
        return [part for part in self._parts if part.stage == self._stage]

    def _take(self, parts: Sequence[Part], fits: int) -> None:
        """So many fits of these parts have begun: they are counted by themselves from now on."""
        for part in parts:
            if fits <= 0:
                return
            fits -= part.fits
            self._parts.remove(part)

    def _worked(self, seconds: float, now: float) -> None:
        if self._search:
            self._search.begun += seconds
        self._speed.worked(seconds, now, self._crew)

    def _seconds(self, spec: FitSpec | None) -> float:
        """What a fit like this one takes; 0 where this run has done none of its model yet."""
        return self._took.of(kind_of(spec)) if spec else 0.0

    def _expected(self, part: Part) -> float:
        """Its work, by what is known by now."""
        return part.taking(self._seconds(part.spec) or part.seconds)

    @property
    def _crew(self) -> int:
        """Workers that have something to do now."""
        return min(self.workers, self._search.at_once if self._search else self.workers)

    @property
    def _busy(self) -> int:
        """Those of them that fits are left for."""
        return min(self._crew, self._lacking.total() or self._crew)

    def _here(self) -> float:
        """Work that is left of what the stage has begun, and of what it has still to begin."""
        begun = sum(n * self._took.expected(kind) for kind, n in self._lacking.items())
        begun += self._search.left if self._search else 0.0
        if begun and self._speed.measured:
            begun = max(begun - self._speed.under_way(self._busy), begun / 4)
        return begun + sum(self._expected(part) for part in self._own if part.spec)

    def _longest(self) -> float:
        """The shortest that what has begun can take: one fit."""
        return self._took.usual if self._lacking.total() or self._search else 0.0

    def _during(self, work: float, unit: float, speed: float, crew: int) -> float:
        return max(work / crew, min(unit, work)) / speed if work else 0.0

    def _waiting(self, part: Part) -> float:
        """Of a part that makes no fits, by what one like it took."""
        if part.spec:
            return 0.0
        return self._stage_seconds.get(part.like, part.fits * part.seconds / self.workers)

    def _steps_here(self, now: float) -> float | None:
        own = [part for part in self._own if not part.spec]
        done, total = self._step
        passed = now - self._begun
        if done and total:
            return passed / done * (total - done)
        return max(0.0, sum(map(self._waiting, own)) - passed) if own else None
