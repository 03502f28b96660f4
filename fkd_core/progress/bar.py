"""Progress of fits: a bar with the time left in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
from rich.text import Text

from fkd_core.fitting.fits import Outcome
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.progress.forecast import Forecast
from fkd_core.progress.parts import Part
from fkd_core.progress.words import clock, counted
from fkd_core.running.watch import Watch
from fkd_core.studies.study import Study
from fkd_core.studies.trial import TrialEnd

LINE_SECONDS = 15.0
_BAR = 8  # columns; what is said beside it matters more


class FitProgress(Watch):
    """Counts fits as they are done. Pass ``done`` as the callback of whatever runs them, and the
    whole of it to ``session`` as its watch; `parts` is what is expected to be done."""

    def __init__(
        self,
        console: Console,
        parts: Sequence[Part] = (),
        workers: int = 1,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._now = console, now
        self._started, self._said = now(), float("-inf")
        self.forecast = Forecast(parts, workers)
        self._stage, self._doing, self._best = "starting", "", ""
        self._foretold: list[tuple[float, float]] = []
        self._bar = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=_BAR),
            _Words(self),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> FitProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        spent = self._now() - self._started
        if error is None and (foretold := half_way(self._foretold, spent)):
            said, took = foretold
            self._console.print(
                f"At half-time about {clock(said)} was said to be left; it was {clock(took)}."
            )

    @property
    def count(self) -> int:
        """Fits done so far in this process."""
        return self.forecast.done

    @property
    def summary(self) -> str:
        """What was done, and whether more was there, for the end: ``1 fit done in 0:24; the rest
        came from the store.``"""
        spent = self._now() - self._started
        return (
            f"{counted(self.count)} done in {clock(spent)}; the rest came from the store."
            if self.forecast.stored
            else f"{counted(self.count)} done in {clock(spent)}."
        )

    def stage(self, name: str) -> None:
        """A new stage begins."""
        self._stage, self._doing, self._best = name, "", ""
        self.forecast.stage(name, self._now())
        self._console.print(name, style="bold", markup=False)

    def expect(self, parts: Sequence[Part]) -> None:
        """Of the stages that these are of, this is expected, in place of what was planned."""
        for stage in dict.fromkeys(part.stage for part in parts):
            self.forecast.expect(stage, [part for part in parts if part.stage == stage])

    def done(self, spec: FitSpec, outcome: Outcome) -> None:
        """One more fit is done."""
        seconds = sum(outcome.seconds.values()) if isinstance(outcome, FitResult) else 0.0
        self.forecast.fit(spec, seconds, self._now())
        self._news()

    def part(self, done: int, total: int, what: str = "") -> None:
        """So much is done of a stage that makes no fits."""
        self._doing = f"{what} {done} of {total}".strip()
        self.forecast.step(done, total)
        self._news()

    def note(self, what: str) -> None:
        """Something to know of the stage, for good."""
        self._console.print(f"  {what}", soft_wrap=True)

    def waiting(self, what: str) -> None:
        """For this it is waited now."""
        self._doing = what
        if not self._console.is_terminal:
            self._console.print(f"  {what}")

    def ready(self, workers: int, of: int) -> None:
        """So many workers are ready."""
        self.forecast.ready(of, self._now())
        self._doing = "" if workers == of else f"{counted(workers, 'worker')} of {of} ready"

    def fits(self, wanted: Sequence[FitSpec], lacking: Sequence[FitSpec]) -> None:
        """These fits are wanted next."""
        self.forecast.fits(wanted, lacking, self._now())

    def begun(self, spec: FitSpec) -> None:
        """A worker begins with this one of them."""
        self.forecast.begin(spec, self._now())

    def searches(self, studies: Sequence[Study]) -> None:
        """These studies are searched next; what they have found so far is known."""
        trials = sum(study.plan.trials for study in studies)
        self.forecast.searches(trials, sum(study.ended for study in studies), self._now())
        self._best = ""
        found = [(study.best, study) for study in studies]
        for best, study in found:
            if best is not None:
                self._better(best, study.plan.name)

    def trial(self, end: TrialEnd) -> None:
        """A trial has ended."""
        cut = end.specs[len(end.results)] if len(end.results) < len(end.specs) else None
        share = len(end.curve) / cut.training.epochs if cut else 0.0
        seconds = sum(sum(result.seconds.values()) for result in end.results)
        whole = end.specs[: len(end.results)]
        self.forecast.trial(whole, seconds, cut, share, self._now())
        if not cut:
            self._better(end.study.plan.score(end.results), end.study.plan.name)
        self._news()

    _lowest = float("inf")

    def _better(self, value: float, study: str) -> None:
        """Keeps the lowest value in words."""
        if not self._best:
            self._lowest = float("inf")
        if value < self._lowest and (words := best_in_words(study, value)):
            self._lowest, self._best = value, words

    def words(self) -> str:
        """The line beside the bar."""
        now = self._now()
        parts = [f"{self._stage}: {self._doing}" if self._doing else self._stage]
        if done := self.count + self.forecast.stored:
            parts.append(counted(done))
        parts.append(clock(now - self._started))
        left = self.forecast.left(now)
        if left:
            parts.append(f"about {clock(left)} left")
        return ", ".join([*parts, *filter(None, [self._best])])

    def _news(self) -> None:
        now = self._now()
        spent, left = now - self._started, self.forecast.left(now)
        if left is not None:
            self._foretold.append((spent, left))
            self._bar.update(self._task, completed=spent, total=spent + left)
        if not self._console.is_terminal and now - self._said > LINE_SECONDS:
            self._said = now
            self._console.print(f"  {self.words()}", soft_wrap=True)


class _Words(ProgressColumn):
    """What a progress says, anew each time the bar is drawn."""

    max_refresh = 0.5

    def __init__(self, progress: FitProgress) -> None:
        super().__init__()
        self._progress = progress

    def render(self, task: Task) -> Text:
        """The words."""
        return Text(self._progress.words())


def best_in_words(study: str, value: float) -> str:
    """The best value so far of a study of this name: ``shift -0.31 px``, ``best 1.93 px``. Empty
    for what is no search."""
    kind, *inside = study.partition("@")[0].split("/")
    if kind == "tuning":
        return f"best {value:.2f} px"
    if kind != "augmentation" or len(inside) < 3:
        return ""
    return f"{'composition' if inside[1] == 'compose' else inside[2]} {value:+.2f} px"


def half_way(foretold: Sequence[tuple[float, float]], spent: float) -> tuple[float, float] | None:
    """Of pairs (seconds spent, seconds foretold to be left), the first from the middle of the time
    on: what was foretold then, and what it took; None where too little was foretold to tell."""
    if len(foretold) < 4:
        return None
    at, left = next((pair for pair in foretold if pair[0] >= spent / 2), foretold[-1])
    return left, spent - at
