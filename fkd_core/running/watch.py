"""Watch: who is told what a session does, besides the outcomes themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fkd_core.fitting.spec import FitSpec


class Watch:
    """Nobody is told; whoever wants to know overrides what it wants."""

    def waiting(self, what: str) -> None:
        """For this it is waited now."""

    def ready(self, workers: int, of: int) -> None:
        """So many workers are ready, of those that there will be."""

    def fits(self, wanted: Sequence[FitSpec], lacking: Sequence[FitSpec]) -> None:
        """These fits are wanted next; all but the lacking ones are kept already."""

    def begun(self, spec: FitSpec) -> None:
        """A worker begins with this one of them, perhaps again."""

    def searches(self, studies: Sequence[Any]) -> None:
        """These studies (``studies.study.Study``) are searched next."""

    def trial(self, end: Any) -> None:
        """A trial has ended so (``studies.trial.TrialEnd``)."""
