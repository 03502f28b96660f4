"""The fits of one set of faces: the store seen as a mapping from specs to outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from fkd_core.fitting.result import Failed, FitResult, from_record, to_record
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.store import FitStore

Outcome = FitResult | Failed
OnOutcome = Callable[[FitSpec, Outcome], None]
"""Called by the driver for every fit that was run, once it is kept."""


DATA = "data"
"""Field of a row of the store: which faces a fit learned from, the start of their fingerprint."""


@dataclass(frozen=True)
class Fits:
    """What is known about these faces. Equal specs have equal outcomes: nothing is overwritten."""

    store: FitStore
    fingerprint: str
    """Of the faces: see ``Faces.fingerprint``."""

    def key(self, spec: FitSpec) -> str:
        """What the store knows this fit as."""
        return spec.key(self.fingerprint)

    def __contains__(self, spec: FitSpec) -> bool:
        return self.key(spec) in self.store

    def get(self, spec: FitSpec) -> Outcome | None:
        """The outcome, or None where the fit is still to be done."""
        stored = self.store.get(self.key(spec))
        return None if stored is None else from_record(stored.record, stored.arrays)

    def holds(self, spec: FitSpec, weights: bool = False) -> bool:
        """Whether nothing is left to be done: an outcome is kept and, where asked for, its
        weights are (a fit that failed has none)."""
        if not weights or self.store.has_weights(self.key(spec)):
            return spec in self
        return isinstance(self.get(spec), Failed)

    def lacking(self, specs: Sequence[FitSpec], weights: bool = False) -> list[FitSpec]:
        """What is left to be done for these, each once: they themselves where `holds` says so,
        and before them the fits they are aligned by, whose weights they need."""
        found: dict[str, FitSpec] = {}

        def visit(spec: FitSpec, weights: bool) -> None:
            if self.key(spec) not in found and not self.holds(spec, weights):
                if spec.aligned_by is not None:
                    visit(spec.aligned_by, True)
                found[self.key(spec)] = spec

        for spec in specs:
            visit(spec, weights)
        return list(found.values())

    def put(
        self,
        spec: FitSpec,
        record: dict[str, Any],
        arrays: dict[str, Any],
        weights: Sequence[NDArray[Any]] = (),
    ) -> Outcome:
        """Keeps what ``to_record`` made of an outcome and the weights, and gives the outcome."""
        key = self.key(spec)
        record = record | {"summary": record["summary"] | {DATA: self.fingerprint[:16]}}
        self.store.put(key, record, arrays)
        if weights:
            named = {f"{i:04d}": weight for i, weight in enumerate(weights)}
            self.store.put_weights(key, named)
        return from_record(record, arrays)

    def keep(self, spec: FitSpec, outcome: Outcome) -> None:
        """Keeps an outcome made in this process, with its weights where they were asked for."""
        record, arrays = to_record(spec, outcome)
        weights = outcome.weights if isinstance(outcome, FitResult) else []
        self.put(spec, record, dict(arrays), weights)

    def weights(self, spec: FitSpec) -> list[NDArray[Any]] | None:
        """The fit's weights in Keras's order, or None where they were not kept or made room."""
        found = self.store.get_weights(self.key(spec))
        return None if found is None else [found[name] for name in sorted(found)]
