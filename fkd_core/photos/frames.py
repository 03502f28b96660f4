"""Frames: rectangles of a photo, turned and scaled, and the exact way between their pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from fkd_core.keypoints import IMAGE_SIZE


@dataclass(frozen=True)
class Frame:
    """A rectangle in a photo, turned or not, and the pixels [height, width] it is sampled to.

    Coordinates are pixels, 0 at the centre of the first, in the photo as in the frame.
    """

    x: float
    """Its centre in the photo."""
    y: float
    step: float
    """Photo pixels from one of its own pixels to the next."""
    roll: float = 0.0
    """Degrees it is turned in the photo, clockwise as seen."""
    width: int = IMAGE_SIZE
    height: int = IMAGE_SIZE

    @property
    def side(self) -> float:
        """Its width in photo pixels."""
        return self.step * self.width

    def to_photo(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points [..., 2] of the frame as points of the photo."""
        inside = np.asarray(points, np.float64) - self._middle
        return inside @ (self.step * self._turn).T + (self.x, self.y)

    def of_photo(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points [..., 2] of the photo as points of the frame."""
        return (np.asarray(points, np.float64) - (self.x, self.y)) @ self._turn / self.step + (
            self._middle
        )

    def corners(self) -> NDArray[np.float64]:
        """[4, 2] the outer corners of its corner pixels, in the photo, in order."""
        right, bottom = self.width - 0.5, self.height - 0.5
        return self.to_photo([(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)])

    def sample(self, photo: NDArray[Any]) -> NDArray[Any]:
        """The photo's pixels [height, width, ...] in it; beyond the border the edge repeats.

        Where it shrinks, each pixel is the mean over its area: samples at least as dense as the
        photo's pixels are taken and averaged.
        """
        tall, wide = photo.shape[:2]
        low = np.clip(np.floor(self.corners().min(0)) - 1, 0, (wide - 1, tall - 1)).astype(int)
        high = np.clip(np.ceil(self.corners().max(0)) + 2, low + 1, (wide, tall)).astype(int)
        dense = max(1, math.ceil(self.step - 1e-6))
        matrix = np.empty((2, 3))
        matrix[:, :2] = self.step / dense * self._turn
        matrix[:, 2] = self.to_photo((0.5 / dense - 0.5, 0.5 / dense - 0.5)) - low
        samples = cv2.warpAffine(
            photo[low[1] : high[1], low[0] : high[0]],
            matrix,
            (self.width * dense, self.height * dense),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(
            cv2.resize(samples, (self.width, self.height), interpolation=cv2.INTER_AREA)
        )

    def seen_from(self, outer: Frame) -> Frame:
        """This frame of what `outer` shows, as a frame of the photo that `outer` lies in."""
        x, y = outer.to_photo((self.x, self.y))
        roll = (self.roll + outer.roll + 180) % 360 - 180
        return replace(self, x=float(x), y=float(y), step=self.step * outer.step, roll=roll)

    @property
    def _middle(self) -> NDArray[np.float64]:
        return np.array([(self.width - 1) / 2, (self.height - 1) / 2])

    @property
    def _turn(self) -> NDArray[np.float64]:
        cos, sin = math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))
        return np.array([[cos, -sin], [sin, cos]])


def placing(points: ArrayLike, places: ArrayLike) -> Frame:
    """The frame of 96 x 96 pixels in which points [k, 2] of a picture lie at these places [k, 2].

    The least-squares similarity (Umeyama 1991; in the plane it is one complex number).
    """
    there, place = (np.asarray(a, np.float64) @ (1, 1j) for a in (points, places))
    spread = place - place.mean()
    turned = complex(np.vdot(spread, there) / np.vdot(spread, spread))
    moved = complex(there.mean() + turned * ((IMAGE_SIZE - 1) / 2 * (1 + 1j) - place.mean()))
    roll = math.degrees(math.atan2(turned.imag, turned.real))
    return Frame(moved.real, moved.imag, abs(turned), roll)
