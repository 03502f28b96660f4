"""Viewer: a trained model that is asked about pictures in several views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.frames import from_frame, straightened
from fkd_core.augment.render import Frames
from fkd_core.ensemble.views import Images, Points, View
from fkd_core.fitting.aligned import straighten
from fkd_core.fitting.predict import model_of, run, set_weights
from fkd_core.fitting.spec import FitSpec

Weights = Sequence[NDArray[Any]]
"""Of one fit, in Keras's order."""


class Viewer:
    """The model of a fit, taken apart where views need its last stage alone. What is compiled
    serves all views, and all fits of the same configuration."""

    def __init__(self, spec: FitSpec, weights: Weights) -> None:
        self._model = model_of(spec, weights)
        self._aligned = spec.aligned_by is not None
        self._taught = spec.taught

    def become(self, spec: FitSpec, weights: Weights) -> None:
        """Takes the weights of another fit. Raises ValueError for another model's."""
        set_weights(self._model, spec, weights)

    def said(self, images: Images, views: Sequence[View]) -> Points:
        """[V, n, p, 2] pixels of the pictures [n, 96, 96] themselves, as seen in each view."""
        # The stages before the last see the same picture whatever the nudge.
        seen: dict[View, tuple[Images, Frames]] = {}
        said = []
        for view in views:
            shown = view.of(images)
            plain = replace(view, nudge=None)
            if plain not in seen:
                seen[plain] = self._seen(shown)
            picture, frame = seen[plain]
            if view.nudge is not None:
                frame = view.nudge.after(frame)
                picture = straightened(shown, frame)
            points = from_frame(run(self._last, picture), frame).astype(np.float32)
            said.append(view.undo(points, self._taught))
        return np.stack(said)

    def _seen(self, images: Images) -> tuple[Images, Frames]:
        """What the last stage sees of the pictures, and the frames [n, 2, 3] from their pixels
        to its own."""
        if not self._aligned:
            return images, np.tile(np.eye(2, 3), (len(images), 1, 1))
        return straighten(self._ahead, images)

    @cached_property
    def _ahead(self) -> Any:
        """All of a chain that comes before its last stage."""
        import keras

        return keras.Model(self._model.input, self._model.get_layer("straighten").output)

    @property
    def _last(self) -> Any:
        """The last stage of a chain, else the model itself."""
        return self._model.get_layer("own") if self._aligned else self._model
