"""Progress of fits: a bar with the time left in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from fkd_core.fitting.fits import Outcome
from fkd_core.fitting.spec import FitSpec

LINE_SECONDS = 15.0


class FitProgress:
    """Counts fits as they are done. Pass ``done`` as the callback of whatever runs them."""

    def __init__(self, console: Console, planned: int) -> None:
        self._console, self._planned = console, planned
        self._count, self._started, self._said = 0, time.monotonic(), 0.0
        self._stage = ""
        self._foretold: list[tuple[float, float]] = []
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("fits"),
            TimeElapsedColumn(),
            TextColumn("left at most"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=planned)

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
        if error is None and (foretold := half_way(self._foretold)):
            left, took = foretold
            self._console.print(
                f"Half-way, {left / 60:.1f} min were foretold to be left at most; it took "
                f"{took / 60:.1f} more."
            )

    @property
    def count(self) -> int:
        """Fits done so far in this process."""
        return self._count

    def stage(self, name: str) -> None:
        """A new stage begins."""
        self._stage = name
        self._bar.update(self._task, description=name)
        self._console.print(f"[bold]{name}[/bold]")

    def done(self, spec: FitSpec, outcome: Outcome) -> None:
        """One more fit is done."""
        self._count += 1
        self._bar.advance(self._task)
        spent = time.monotonic() - self._started
        left = spent / self._count * max(0, self._planned - self._count)
        self._foretold.append((spent, left))
        self._say(
            f"{self._count} fits done in {spent:.0f} s; at most {self._planned}, so "
            f"{left / 60:.1f} min left at most"
        )

    def part(self, done: int, total: int) -> None:
        """So much is done of a stage that makes no fits."""
        self._bar.update(self._task, description=f"{self._stage} {done}/{total}")
        self._say(f"{done} of {total} done")

    def _say(self, what: str) -> None:
        """A line now and then, where there is no bar."""
        now = time.monotonic()
        if not self._console.is_terminal and now - self._said > LINE_SECONDS:
            self._said = now
            self._console.print(f"  {self._stage}: {what}")


def half_way(foretold: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Of pairs (seconds spent, seconds foretold to be left), the first from the middle of the time
    on: what was foretold then, and what it took; None where too little was foretold to tell."""
    if len(foretold) < 4:
        return None
    end = foretold[-1][0]
    spent, left = next(pair for pair in foretold if pair[0] >= end / 2)
    return left, end - spent
