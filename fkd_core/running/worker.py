"""FitWorker: a process that does one fit after another and keeps what is slow to make anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fkd_core.data.faces import Faces
from fkd_core.fitting.result import to_record
from fkd_core.fitting.spec import FitSpec


class FitWorker:
    """A Ray actor's body. Backend, compiled graphs and the faces stay from fit to fit.

    Fits are pure functions, so Ray may restart a dead worker and repeat its call.
    """

    def __init__(self, faces: bytes, cache: str) -> None:
        import ray

        self._faces: Faces = ray.get(ray.cloudpickle.loads(faces))
        self._cache = Path(cache)

    def fit(self, spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Does the fit of this JSON spec; gives its record and arrays for the store."""
        from fkd_core.fitting.fit import fit

        parsed = FitSpec.from_json(spec)
        outcome = fit(parsed, self._faces, cache=self._cache)
        record, arrays = to_record(parsed, outcome)  # type: ignore[arg-type]  # never stopped here
        return record, dict(arrays)
