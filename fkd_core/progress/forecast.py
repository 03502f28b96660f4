"""About how long a run still takes, by what its fits took so far.

Work is counted in the seconds that fits say of themselves, kind by kind (model, pipeline, length),
and speed in such seconds a second and worker, so that whatever passes between two fits is in the
count without being known. What is not begun yet stands in the plan as parts; once a part
begins, it is told what the store holds of it already.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from fkd_core.fitting.spec import FitSpec

Kind = tuple[str, str, int]
"""Fits that take about equally long: model, pipeline and epochs."""

_ENOUGH = 25  # fits of a kind from which on the latest say how long one takes


def kind_of(spec: FitSpec) -> Kind:
    """Of this fit."""
    return spec.name, spec.pipeline, spec.training.epochs


@dataclass(frozen=True)
class Part:
    """What a stage is expected to do."""

    stage: str
    spec: FitSpec | None
    """A fit like those it makes; None where it makes none, but takes steps of its own."""
    fits: int
    """How many at most, or how many steps."""
    seconds: float
    """What one of them takes one worker, as far as is known before."""
    trials: int = 0
    """How many trials of a search make them; 0 where none does."""
    share: float = 1.0
    """How much of it a search is expected to do, since it stops trials early."""
    most: float | None = None
    """Worker seconds at which the search stops."""
    at_once: int = 1_000_000
    """How many of its trials run at a time at most."""
    like: str = ""
    """Stages of one name here take about equally long."""

    @property
    def work(self) -> float:
        """Worker seconds that it is expected to take."""
        return min(self.fits * self.share * self.seconds, self.most or float("inf"))


@dataclass
class _Search:
    """The searches of a stage, taken together."""

    trials: int
    ended: int
    """Those before this run included."""
    prior: float
    """What a trial should cost."""
    stored: int
    """Fits of the trials that had ended before."""
    most: float | None
    at_once: int
    costs: float = 0.0
    counted: int = 0
    """Trials that costs are known of."""

    @property
    def trial_seconds(self) -> float:
        return (2 * self.prior + self.costs) / (2 + self.counted)


class Forecast:
    """Told what begins and ends, and when; says what is left. `parts` come in order."""

    def __init__(self, parts: Sequence[Part] = (), workers: int = 1) -> None:
        self._parts, self.workers = list(parts), max(1, workers)
        self._records = {kind_of(part.spec): part.seconds for part in parts if part.spec}
        self._stage = ""
        self._over: set[str] = set()
        self._begun = 0.0
        self._step: tuple[int, int] = (0, 0)
        self._stage_seconds: dict[str, float] = {}
        self._took: dict[Kind, list[float]] = defaultdict(list)
        self._lacking: Counter[Kind] = Counter()
        self._search: _Search | None = None
        self._work = self._active = self._mark = self._since = 0.0
        self._ends = list[float]()
        self._in_trials = 0.0
        self._mine: set[FitSpec] = set()
        self._running: dict[FitSpec, float] | None = None
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
        self._search, self._in_trials = None, 0.0
        self._mark = self._since = now

    def expect(self, stage: str, parts: Sequence[Part]) -> None:
        """A stage that has not begun is expected to do this, in place of what was planned."""
        first = next((i for i, p in enumerate(self._parts) if p.stage == stage), len(self._parts))
        kept = [part for part in self._parts if part.stage != stage]
        self._parts = [*kept[:first], *parts, *kept[first:]]

    def fits(self, wanted: Sequence[FitSpec], lacking: Sequence[FitSpec], now: float) -> None:
        """These are wanted next, of which those are lacking."""
        self._mark = self._since = now
        self.stored += max(0, len(wanted) - len(lacking))
        self._lacking.clear()
        self._lacking.update(map(kind_of, lacking))
        self._running = None
        self._search = None
        own = [part for part in self._own if part.spec and not part.trials]
        # Few that are all there, such as a search's control, are no part of the plan.
        if own and (lacking or 2 * len(wanted) > own[0].fits):
            self._take(own, max(len(wanted), len(lacking)))  # lacking: also what aligns them

    def searches(self, trials: int, ended: int, now: float) -> None:
        """So many trials are searched next, of which some have ended before."""
        self._mark = self._since = now
        own = [part for part in self._own if part.trials]
        if not own:  # trials that only record what was done
            self._search = None
            return
        self._lacking.clear()
        self._running = None
        named = sum(part.trials for part in own)
        work = sum(part.fits * part.share * part.seconds for part in own)
        fits = sum(part.fits * part.share for part in own)
        limits = [part.most for part in own if part.most is not None]
        stored = round(ended * fits / named)
        at_once = sum(part.at_once for part in own)
        most = sum(limits) if len(limits) == len(own) else None
        self._search = _Search(max(trials, ended), ended, work / named, stored, most, at_once)
        self.stored += stored
        self._in_trials = 0.0
        self._parts = [part for part in self._parts if part not in own]

    def begin(self, spec: FitSpec, now: float) -> None:
        """A worker begins with a fit; where nobody tells, each begins as another ends."""
        self._running = {**(self._running or {}), spec: now}

    def fit(self, spec: FitSpec, seconds: float, now: float) -> None:
        """A fit is done, which took its worker so long."""
        kind = kind_of(spec)
        self.done += 1
        self._mine.add(spec)
        if self._running is not None:
            self._running.pop(spec, None)
        if seconds > 0:
            self._took[kind].append(seconds)
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
            cost = seconds * mine + partly
            search.costs, search.counted = search.costs + cost, search.counted + 1
            self._in_trials = max(0.0, self._in_trials - cost)
        else:
            self.stored += len(whole)

    def step(self, done: int, total: int) -> None:
        """So many of the stage's own steps are done."""
        self._step = done, total

    def ready(self, workers: int, now: float) -> None:
        """So many workers there are; the first of them has just begun to work."""
        self.workers = max(1, workers)
        if not self._active:
            self._mark = self._since = now

    def left(self, now: float) -> float | None:
        """Seconds until the end, about; None where nothing is known of what is to come."""
        speed = self._speed()
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
        passed = now - self._mark if here and self._active else 0.0
        total = sum(found)
        return max(total - passed, 0.1 * total) if found else None

    @property
    def expected(self) -> int:
        """Fits that this run still should do, about."""
        ahead = [p for p in self._parts if p.spec and p.stage not in self._over]
        search = self._search
        cost = self._usual()
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
        self._work += seconds
        self._in_trials += seconds
        self._active += (now - self._mark) * self._crew
        self._mark = now
        self._ends.append(now)

    def _seconds(self, spec: FitSpec | None) -> float:
        """What a fit like this one takes; 0 where this run has done none of its model yet."""
        return self._taken(kind_of(spec)) if spec else 0.0

    def _taken(self, kind: Kind) -> float:
        """By what such fits took, or, epoch for epoch, those of another length; 0 without any."""
        if took := self._took.get(kind):
            return statistics.fmean(took[-_ENOUGH:])
        own = [(k[2], took) for k, took in self._took.items() if k[:2] == kind[:2] and took]
        rates = [statistics.fmean(took[-_ENOUGH:]) / epochs for epochs, took in own]
        return kind[2] * statistics.fmean(rates) if rates else 0.0

    def _expected(self, part: Part) -> float:
        """Its work, by what is known by now."""
        seconds = self._seconds(part.spec) or part.seconds
        return min(part.fits * part.share * seconds, part.most or float("inf"))

    def _usual(self) -> float:
        """What a fit took this run, on average."""
        took = [seconds for each in self._took.values() for seconds in each]
        return statistics.fmean(took[-_ENOUGH:]) if took else 0.0

    def _speed(self) -> float:
        """What a worker does in a second: 1 before anything is known."""
        usual, n = self._usual(), self.done
        if not n or not usual:
            return 1.0
        weight = usual / (1 + n)
        return (self._work + self._under_way + weight) / (self._active + weight)

    @property
    def _under_way(self) -> float:
        """What the other workers had done of their fits when the last one ended."""
        if self._running is not None:
            return sum(max(0.0, self._mark - start) for start in self._running.values())
        others = min(self._crew, self._lacking.total() or self._crew) - 1
        began = self._ends[:-1][-others:] if others > 0 else []
        began += [self._since] * (others - len(began))
        return sum(self._mark - max(start, self._since) for start in began)

    @property
    def _crew(self) -> int:
        """Workers that have something to do now."""
        return min(self.workers, self._search.at_once if self._search else self.workers)

    def _here(self) -> float:
        """Work that is left of what the stage has begun, and of what it has still to begin."""
        own = [part for part in self._own if part.spec]
        fixed = 0.0
        for kind, number in self._lacking.items():
            fixed += number * (self._taken(kind) or self._prior(kind))
        searched = 0.0
        if search := self._search:
            searched = (search.trials - search.ended) * search.trial_seconds
            if search.most is not None:
                searched = min(searched, max(0.0, search.most - search.costs))
            searched = max(0.0, searched - self._in_trials) if searched else 0.0
        begun = fixed + searched
        if begun and self._active:
            begun = max(begun - self._under_way, begun / 4)
        return begun + sum(self._expected(part) for part in own)

    def _prior(self, kind: Kind) -> float:
        return self._records.get(kind, 0.0) * self._pace or self._usual()

    @property
    def _pace(self) -> float:
        """How many times longer fits took this run than was thought before."""
        known = {kind: took for kind, took in self._took.items() if self._records.get(kind)}
        thought = sum(self._records[kind] for kind in known)
        taken = sum(statistics.fmean(took[-_ENOUGH:]) for took in known.values())
        return taken / thought if thought else 1.0

    def _longest(self) -> float:
        """The shortest that what has begun can take: one fit."""
        return self._usual() if self._lacking.total() or self._search else 0.0

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
