"""The pictures of a fit as its model sees them: as they are, or straightened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.frames import from_frame, to_frame
from fkd_core.augment.render import Frames
from fkd_core.fitting.aligned import straighten


@dataclass(frozen=True, eq=False)
class Shown:
    """Pictures by their positions in Faces; made by ``as_they_are`` or ``straightened``."""

    images: NDArray[np.uint8]
    """[m, 96, 96]"""
    place: NDArray[np.intp]
    """[N] where among the images each position's is; anything for one that is not asked for."""
    frames: Frames | None = None
    """[m, 2, 3] from pixels of the picture to those shown; None where they are the same."""

    def of(self, index: NDArray[np.intp]) -> NDArray[np.uint8]:
        """[n, 96, 96] what is shown of these positions."""
        return self.images[self.place[index]]

    def frames_of(self, index: NDArray[np.intp]) -> Frames | None:
        """[n, 2, 3] of these positions."""
        return None if self.frames is None else self.frames[self.place[index]]

    def placed(self, index: NDArray[np.intp], targets: NDArray[np.float32]) -> NDArray[np.float32]:
        """Targets [n, 2p] px of the pictures where they are shown."""
        frames = self.frames_of(index)
        if frames is None:
            return targets
        points = to_frame(targets.reshape(len(index), -1, 2), frames)
        return points.reshape(targets.shape).astype(np.float32)

    def restored(
        self, index: NDArray[np.intp], predicted: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Predictions [n, 2p] px as shown, in pixels of the pictures."""
        frames = self.frames_of(index)
        if frames is None:
            return predicted
        points = from_frame(predicted.reshape(len(index), -1, 2), frames)
        return points.reshape(predicted.shape).astype(np.float32)

    def zoom(self, index: NDArray[np.intp]) -> float:
        """Pixels shown to one of the picture, root mean square over these positions."""
        frames = self.frames_of(index)
        if frames is None:
            return 1.0
        return float(np.sqrt(np.square(frames[:, :, 0]).sum(axis=1).mean()))


def as_they_are(images: NDArray[np.uint8]) -> Shown:
    """All pictures, unchanged."""
    return Shown(images, np.arange(len(images)))


def straightened(images: NDArray[np.uint8], index: NDArray[np.intp], front: Any) -> Shown:
    """The pictures at these positions as the model that ``aligned.front`` made shows them."""
    place = np.zeros(len(images), np.intp)
    place[index] = np.arange(len(index))
    shown, frames = straighten(front, images[index])
    return Shown(shown, place, frames)
