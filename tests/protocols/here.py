"""A session without Ray, for the tests of what is done with fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fkd_core.data.faces import Faces
from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.spec import FitSpec
from fkd_core.running.simulated import outcome


@dataclass(frozen=True)
class Here:
    """Does simulated fits in this process."""

    faces: Faces

    def run_fits(
        self, specs: Sequence[FitSpec], fits: Fits, on_outcome: OnOutcome | None = None
    ) -> None:
        for spec in specs:
            if spec not in fits:
                fits.keep(spec, outcome(spec, self.faces))
