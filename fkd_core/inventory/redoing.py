"""Redoing: one stored fit done again from its spec, and what comes out compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.fitting import runtime
from fkd_core.fitting.fit import fit
from fkd_core.fitting.fits import Fits, Outcome
from fkd_core.fitting.result import Failed, FitResult, Stopped
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.store import FitStore


@dataclass(frozen=True)
class Redone:
    """What was stored, and what came out now."""

    stored: Outcome
    again: Outcome

    @property
    def same(self) -> bool:
        """Bit for bit the same predictions of the same faces, or a failure both times."""
        if isinstance(self.stored, FitResult) and isinstance(self.again, FitResult):
            one, other = self.stored.predictions, self.again.predictions
            rows = np.array_equal(self.stored.row, self.again.row)
            return rows and one.shape == other.shape and one.tobytes() == other.tobytes()
        return isinstance(self.stored, Failed) and isinstance(self.again, Failed)

    @property
    def pixels(self) -> float:
        """By how much the predictions differ at most; NaN where they cannot be compared."""
        if isinstance(self.stored, FitResult) and isinstance(self.again, FitResult):
            one, other = self.stored.predictions, self.again.predictions
            if np.array_equal(self.stored.row, self.again.row) and one.shape == other.shape:
                return float(np.abs(one.astype(np.float64) - other).max(initial=0.0))
        return float("nan")

    @property
    def difference(self) -> str:
        """How they differ, in words."""
        for when, outcome in (("then", self.stored), ("now", self.again)):
            if isinstance(outcome, Failed):
                return f"it failed {when}: {outcome.reason}"
        if np.isnan(self.pixels):
            return "other faces were held out"
        return f"predictions differ by up to {self.pixels:.3g} px"

    @property
    def versions(self) -> dict[str, tuple[Any, Any]]:
        """What runs in another version now: stored and present."""
        if isinstance(self.stored, Failed) or isinstance(self.again, Failed):
            return {}
        then, now = self.stored.versions, self.again.versions
        both = sorted({*then, *now})
        return {n: (then.get(n), now.get(n)) for n in both if then.get(n) != now.get(n)}


def redo(store: FitStore, key: str, faces: Faces, cache: Path) -> Redone:
    """Does the fit again in this process; nothing that is stored changes.

    Raises UserError where it vanished, or where these faces or this code cannot repeat it.
    """
    stored = store.get(key)
    if stored is None:
        raise UserError(f"fit {key[:16]} is damaged or gone; run the command that made it")
    try:
        spec = FitSpec.from_json(stored.record["spec"])
    except (ValueError, KeyError) as error:
        raise UserError(
            f"fit {key[:16]} was described by another version of this code ({error}); check that "
            "version out"
        ) from error
    fits = Fits(store, faces.fingerprint)
    if fits.key(spec) != key:
        raise UserError(
            f"fit {key[:16]} was made from other faces or by other code: from these "
            f"(fingerprint {faces.fingerprint[:16]}) its key would be {fits.key(spec)[:16]}; give "
            "its own --data and --corrections, or check out the code version that made it"
        )
    before = fits.get(spec)
    runtime.prepare_for(spec)
    runtime.import_silently()
    stage = fits.weights(spec.aligned_by) if spec.aligned_by else None
    again = fit(spec, faces, cache=cache, before=stage)
    assert before is not None
    assert not isinstance(again, Stopped)  # nobody asked it to stop
    return Redone(before, again)
