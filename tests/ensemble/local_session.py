"""A session without Ray: fits and questions are done here and now, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fkd_core.data.faces import Faces
from fkd_core.fitting.fit import fit
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec


@dataclass
class LocalSession:
    """Stands in for ``running.session.Session``."""

    faces: Faces
    asked: list[FitSpec] = field(default_factory=list)
    """Every question, in order."""
    trained: list[FitSpec] = field(default_factory=list)
    """Every fit that was run, in order."""

    def train(self, specs: Sequence[FitSpec], fits: Fits) -> None:
        """As ``run_fits`` with weights."""
        for spec in fits.lacking(specs, weights=True):
            before = fits.weights(spec.aligned_by) if spec.aligned_by else None
            outcome = fit(spec, self.faces, keep_weights=True, before=before)
            self.trained.append(spec)
            assert isinstance(outcome, FitResult), outcome
            fits.keep(spec, outcome)

    def spread(self, calls: Sequence[Callable[[Any], Any]]) -> Iterator[tuple[int, Any]]:
        """As ``Session.spread``."""
        for number, call in enumerate(calls):
            yield number, call(_Worker(self))


class _Worker:
    def __init__(self, session: LocalSession) -> None:
        self.call = self
        self._session = session

    def remote(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self._session.asked.append(arguments[0])
        return function(*arguments)
