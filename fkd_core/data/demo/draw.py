"""Drawing for the demo faces: curves on the head, filled on a canvas three times as fine."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.data.demo.shape import Array, Head, solid
from fkd_core.keypoints import IMAGE_SIZE

FINE = 3
"""Canvas pixels a picture pixel and axis."""
SIDE = FINE * IMAGE_SIZE
_SHIFT = 4  # fractional bits of cv2's fixed-point coordinates


@lru_cache
def _spline(count: int, closed: bool, steps: int = 6) -> Array:
    """[curve points, count] weights of a Catmull-Rom curve through `count` points."""
    rows = []
    for i in range(count if closed else count - 1):
        for t in np.arange(steps) / steps:
            row = np.zeros(count)
            weights = (
                -t / 2 + t**2 - t**3 / 2,
                1 - 2.5 * t**2 + 1.5 * t**3,
                t / 2 + 2 * t**2 - 1.5 * t**3,
                -(t**2) / 2 + t**3 / 2,
            )
            for k, weight in enumerate(weights, start=i - 1):
                row[k % count if closed else min(max(k, 0), count - 1)] += weight
            rows.append(row)
    if not closed:
        rows.append(np.eye(count)[-1])
    return np.array(rows)


def curve(points: object, closed: bool = True) -> Array:
    """[m, 2] smooth curve through [k, 2] points, which lie on it."""
    through = np.asarray(points, dtype=np.float64)
    return _spline(len(through), closed) @ through


_CIRCLE = np.stack([f(np.linspace(0, 2 * np.pi, 28, endpoint=False)) for f in (np.cos, np.sin)], 1)


def ellipse(x: float, y: float, a: float, b: float) -> Array:
    """[28, 2] an ellipse's outline."""
    return _CIRCLE * [a, b] + [x, y]


def disc(centre: Array, radius: float) -> Array:
    """[28, 2] a circle's outline."""
    return _CIRCLE * radius + centre


def both(points: object) -> Array:
    """A right half outline, top to bottom, closed by its mirror image."""
    right = np.asarray(points, dtype=np.float64)
    inner = right[::-1]
    return np.concatenate([right, inner[np.abs(inner[:, 0]) > 0] * [-1.0, 1.0]])


def _fixed(pixels: Array) -> NDArray[np.int32]:
    """Canvas coordinates in cv2's fixed point: of pixels of the picture."""
    # Pixel 0 of the picture covers canvas pixels 0, 1 and 2: its centre is canvas pixel 1.
    return np.rint((pixels * FINE + (FINE - 1) / 2) * (1 << _SHIFT)).astype(np.int32)


@dataclass(frozen=True)
class Pen:
    """A head and the canvases it is drawn on; gray levels 0..255."""

    head: Head
    canvas: NDArray[np.uint8] = field(
        default_factory=lambda: np.zeros((SIDE, SIDE), dtype=np.uint8)
    )
    """[288, 288] the picture in the making."""
    skin: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((SIDE, SIDE), dtype=np.uint8))
    """[288, 288] 255 where skin shows, for shading."""

    def fill(
        self, xy: Array, level: float, z: float | None = None, skin: int | None = None
    ) -> None:
        """Fills an outline of the face frame; `skin` is 255 where shaded as skin, else 0."""
        self._fill(self._path(xy, z), level, skin)

    def fill_pixels(self, pixels: Array, level: float, skin: int | None = None) -> None:
        """Fills an outline given in pixels of the picture."""
        self._fill(_fixed(pixels), level, skin)

    def _fill(self, outline: NDArray[np.int32], level: float, skin: int | None) -> None:
        cv2.fillPoly(self.canvas, [outline], _gray(level), cv2.LINE_8, _SHIFT)
        if skin is not None:
            cv2.fillPoly(self.skin, [outline], float(skin), cv2.LINE_8, _SHIFT)

    def _path(self, xy: Array, z: float | None = None) -> NDArray[np.int32]:
        """Canvas coordinates in cv2's fixed point: of [k, 2] points of the face frame."""
        matrix, offset = self._to_canvas
        return np.rint(solid(xy, z) @ matrix + offset).astype(np.int32)

    @cached_property
    def _to_canvas(self) -> tuple[Array, Array]:
        # _fixed and Head.place in one step: most of the drawing time went there.
        unit = FINE * (1 << _SHIFT)
        centre = np.array(self.head.centre) + (FINE - 1) / 2 / FINE
        return self.head.projection * unit, centre * unit

    def line(
        self, xy: Array, level: float, width: float, z: float | None = None, closed: bool = False
    ) -> None:
        """Draws a line of the face frame; width in pixels of the picture."""
        thick = max(1, round(width * FINE))
        path = [self._path(xy, z)]
        cv2.polylines(self.canvas, path, closed, _gray(level), thick, cv2.LINE_8, _SHIFT)

    def blend(self, xy: Array, level: float, share: float, grain: NDArray[np.float32]) -> None:
        """Mixes `level` into the picture inside an outline, by `share` times grain [288, 288]."""
        outline = self._path(xy)
        window = _window(outline, 7)
        soft = cv2.blur(_mask(outline, window), (13, 13)).astype(np.float32) * share
        soft *= grain[window]
        part = self.canvas[window]
        part[...] = part + soft * (level - part)

    def fill_within(self, frame: Array, inner: list[tuple[Array, float]]) -> None:
        """Fills outlines with their levels, in turn, each only where it lies inside a frame."""
        edge = self._path(frame)
        window = _window(edge, 0)
        part, inside = self.canvas[window], _mask(edge, window)
        for xy, level in inner:
            shape = _mask(self._path(xy), window)
            part[(shape * inside) > 0] = int(_gray(level))


def _window(outline: NDArray[np.int32], margin: int) -> tuple[slice, slice]:
    """The rows and columns of the canvas round an outline; empty where it lies outside."""
    low = np.clip((outline.min(axis=0) >> _SHIFT) - margin, 0, SIDE - 1)
    high = np.clip((outline.max(axis=0) >> _SHIFT) + margin + 2, 1, SIDE)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _mask(outline: NDArray[np.int32], window: tuple[slice, slice]) -> NDArray[np.float32]:
    """1 inside an outline, on a window of the canvas."""
    rows, columns = window
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=np.float32)
    corner = np.array([columns.start, rows.start], dtype=np.int32) << _SHIFT
    cv2.fillPoly(mask, [outline - corner], 1.0, cv2.LINE_8, _SHIFT)
    return mask


def _gray(level: float) -> float:
    return float(min(max(round(level), 0), 255))
