"""Building an ensemble: trained, predicted out of fold, stacked, and told apart by its parts.

What is built from what follows from members and faces alone; all of it is answered from the stores
where it has been done before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.stacking.kept import keeping
from fkd_core.ensemble.stacking.stack import (
    Contribution,
    Stacked,
    contributions,
    final_said,
    job,
    stack,
)
from fkd_core.ensemble.stacking.stacker import STACKERS, Run, Stacker
from fkd_core.ensemble.table import Table
from fkd_core.fitting.fits import Fits, Outcome
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.store import FitStore
from fkd_core.running.session import Session


class Listener(Protocol):
    """Who is told how far the work is."""

    def stage(self, name: str) -> None:
        """A stage begins."""

    def done(self, spec: FitSpec, outcome: Outcome) -> None:
        """One more fit is done."""

    def part(self, done: int, total: int) -> None:
        """So many predictions are made, of so many."""


@dataclass(frozen=True)
class Ensembling:
    """What builds ensembles."""

    session: Session
    fits: Fits
    learned: FitStore
    """What fits said and stackers learned from it, kept like the fits."""
    listener: Listener

    @property
    def _run(self) -> Run:
        return keeping(self.session.map, self.learned)

    def tables(self, arms: Mapping[str, OutOfFold]) -> dict[str, dict[str, Table]]:
        """For each arm, by source, what its members say of faces they never saw; what is not
        trained yet is trained."""
        found = {}
        for name, arm in arms.items():
            self.session.pack(arm.fits, self.fits)
            self.listener.stage(f"train ({name})")
            self.session.run_fits(arm.fits, self.fits, self.listener.done, keep_weights=True)
            self.listener.stage(f"predict ({name})")
            found[name] = arm.tables(self.session, self.fits, self.learned, self.listener.part)
        return found

    def stacked(
        self,
        tables: Mapping[str, Table],
        stackers: Mapping[str, Stacker],
        asked: str,
        *,
        folds: int,
        seed: int,
        on_done: Callable[[str, float], None],
    ) -> dict[str, Stacked]:
        """For each source, the stackers judged and the one that ships: see ``stack``."""
        found = {}
        for source, table in tables.items():
            self.listener.stage(f"stack ({source})")
            found[source] = stack(
                table, stackers, asked, folds=folds, seed=seed, run=self._run, on_done=on_done
            )
        return found

    def contributions(self, stacked: Mapping[str, Stacked]) -> dict[str, list[Contribution]]:
        """For each source, what each of its members brings."""
        return {
            source: contributions(each, STACKERS[each.name], self._run)
            for source, each in stacked.items()
        }

    def on_final(
        self, tables: Mapping[str, Table], stacker: Stacker
    ) -> dict[str, NDArray[np.float64]]:
        """For each source in ``Table.scored``, what this stacker, fitted on search and confirm,
        says of set final."""
        found: dict[str, NDArray[np.float64]] = {}
        for table in tables.values():
            ((fitted, _),) = self._run([job(stacker, table, table.chosen_on)])
            found |= {name: final_said(fitted, each) for name, each in table.scored.items()}
        return found
