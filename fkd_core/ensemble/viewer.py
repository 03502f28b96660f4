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
from fkd_core.fitting.aligned import similarities, straighten
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
        """[V, n, p, 2] pixels of the pictures [n, 96, 96] themselves, as seen in each view.

        Raises ValueError where a view is settled by none that is not.
        """
        first = [view for view in views if not view.settled]
        said = dict(zip(first, self._first(images, first), strict=True))
        if len(first) < len(views):
            if not first:
                raise ValueError("a settled view needs others, which say where the face is")
            found = np.mean(list(said.values()), axis=0)
            said |= {view: self._again(images, found, view) for view in views if view.settled}
        return np.stack([said[view] for view in views])

    def _first(self, images: Images, views: Sequence[View]) -> list[Points]:
        """[n, p, 2] in each of these views, in the frame that the stages before find in it."""
        # They see the same picture whatever the nudge.
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
            said.append(self._told(view, picture, frame))
        return said

    def _again(self, images: Images, found: Points, view: View) -> Points:
        """[n, p, 2] in a settled view, where the points [n, p, 2] of the pictures say that the
        faces are."""
        shown = view.of(images)
        frame = self._frames(view.shown(found, self._taught))
        if view.nudge is not None:
            frame = view.nudge.after(frame)
        return self._told(view, straightened(shown, frame), frame)

    def _told(self, view: View, picture: Images, frame: Frames) -> Points:
        """[n, p, 2] of the pictures themselves, of what the last stage sees in these frames."""
        points = from_frame(run(self._last, picture), frame).astype(np.float32)
        return view.undo(points, self._taught)

    def _seen(self, images: Images) -> tuple[Images, Frames]:
        """What the last stage sees of the pictures, and the frames [n, 2, 3] from their pixels
        to its own."""
        if not self._aligned:
            return images, np.tile(np.eye(2, 3), (len(images), 1, 1))
        return straighten(self._ahead, images)

    def _frames(self, points: Points) -> Frames:
        """[n, 2, 3] where the chain shows pictures of which these points [n, p, 2] were found."""
        if not self._aligned:
            return np.tile(np.eye(2, 3), (len(points), 1, 1))
        # The layer's own reckoning: a second one, here, would drift from what stages learn under.
        found = self._model.get_layer("straighten")._similarity(points)
        return similarities(np.asarray(found))

    @cached_property
    def _ahead(self) -> Any:
        """All of a chain that comes before its last stage."""
        import keras

        return keras.Model(self._model.input, self._model.get_layer("straighten").output)

    @property
    def _last(self) -> Any:
        """The last stage of a chain, else the model itself."""
        return self._model.get_layer("own") if self._aligned else self._model
