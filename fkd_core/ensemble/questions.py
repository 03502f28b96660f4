"""Questions: a trained fit, asked about images it may be honest of; answers are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.viewer import Viewer
from fkd_core.ensemble.views import View
from fkd_core.errors import UserError
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import Failed
from fkd_core.fitting.spec import FitSpec
from fkd_core.libraries import version
from fkd_core.reach import CODE, Code


@dataclass(frozen=True, eq=False)
class Question:
    """A fit, and the images that it is asked about."""

    fit: FitSpec
    images: NDArray[np.uint8]
    views: tuple[View, ...]

    def key(self, fits: Fits) -> str:
        """What the answer is kept under."""
        shown = hashlib.sha256(np.ascontiguousarray(self.images).data).hexdigest()
        views = [asdict(view) for view in self.views]
        identity = [fits.key(self.fit), shown, views, code_that_answers()]
        if any(view.nudge for view in self.views):
            # Warped by what draws augmented copies, which the fit may have none of.
            identity += [CODE.version({"fkd_core.augment.draw"}), version("opencv")]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    def ask(self, worker: Any, fits: Fits) -> Any:
        """Puts the question to a worker; see ``Session.spread``. The answer is `answer`'s."""
        weights = weights_of(self.fit, fits)
        return worker.call.remote(answer, self.fit, weights, self.images, self.views)


def code_that_answers(code: Code = CODE) -> str:
    """Version of the code that shows views, predicts and undoes them, whatever the model."""
    return code.version({__name__})


def answer(
    spec: FitSpec,
    weights: list[NDArray[Any]],
    images: NDArray[np.uint8],
    views: Sequence[View],
) -> NDArray[np.float32]:
    """[V, n, p, 2] pixels of the pictures [n, 96, 96] themselves, as seen in each view."""
    return Viewer(spec, weights).said(images, views)


def weights_of(fit: FitSpec, fits: Fits) -> list[NDArray[Any]]:
    """The weights of a fit that was run. Raises UserError where it failed or they are gone."""
    weights = fits.weights(fit)
    if weights is not None:
        return weights
    outcome = fits.get(fit)
    what = f"{fit.name} ({fit.pipeline}, fold {fit.split.fold}, seed {fit.seed})"
    if isinstance(outcome, Failed):
        raise UserError(f"{what} cannot be trained: {outcome.reason}; leave it out by --models")
    raise UserError(f"the weights of {what} vanished; run the same command again")
