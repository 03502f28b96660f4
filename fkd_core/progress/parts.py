"""What a run is expected to do, part by part."""

from __future__ import annotations

from dataclasses import dataclass

from fkd_core.fitting.spec import FitSpec


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
        return self.taking(self.seconds)

    def taking(self, seconds: float) -> float:
        """The same where one of them takes so long."""
        return min(self.fits * self.share * seconds, self.most or float("inf"))
