"""Faces on a page: each a small gray picture with its points drawn over it, in rows that wrap."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.keypoints import IMAGE_SIZE, KEYPOINTS

PARTS = ("eyebrow", "eye", "nose", "mouth")
"""What points are coloured by, as on photos: brows orange, eyes blue, nose green, mouth pink."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One face."""

    image: NDArray[np.uint8]
    """[96, 96]"""
    points: NDArray[Any] | None = None
    """[p, 2] px, NaN for what is not to be drawn."""
    keypoints: Sequence[int] = tuple(range(len(KEYPOINTS)))
    """[p] indices into KEYPOINTS."""
    labels: NDArray[Any] | None = None
    """[p, 2] px; a line leads from each point to its label."""
    caption: str = ""
    over: str = ""
    """SVG of its own, in pixels of the picture."""


def tiles(shown: Sequence[Tile], said: str, size: int = 132) -> str:
    """The faces in rows, each about `size` px wide."""
    drawn = "".join(_tile(tile, said) for tile in shown)
    return f'<div class="tiles" style="--size:{size}px">{drawn}</div>'


def _tile(tile: Tile, said: str) -> str:
    parts = []
    if tile.points is not None:
        if tile.labels is not None:
            parts.append(_errors(tile.points, tile.labels))
        parts.append(_dots(tile.points, tile.keypoints))
        if tile.labels is not None:
            parts.append(f'<path class="truth" d="{_places(tile.labels)}"/>')
    side = IMAGE_SIZE
    caption = f"<figcaption>{escape(tile.caption)}</figcaption>" if tile.caption else ""
    words = escape(f"{said} {tile.caption}".strip(), quote=True)
    return (
        f'<figure class="tile"><svg viewBox="-0.5 -0.5 {side} {side}" role="img" '
        f'aria-label="{words}"><image x="-0.5" y="-0.5" width="{side}" height="{side}" '
        f'href="{data_uri(tile.image)}"/>{"".join(parts)}{tile.over}</svg>{caption}</figure>'
    )


def data_uri(image: NDArray[np.uint8]) -> str:
    """The picture as a PNG inside the page."""
    content = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    return f"data:image/png;base64,{base64.b64encode(content.tobytes()).decode()}"


def part_of(keypoint: int) -> str:
    """The part of the face that a keypoint belongs to."""
    return next(part for part in PARTS if part in KEYPOINTS[keypoint])


def _dots(points: NDArray[Any], keypoints: Sequence[int]) -> str:
    whole = [f'<path class="rim" d="{_places(points)}"/>']
    parts = np.array([part_of(keypoint) for keypoint in keypoints])
    for part in PARTS:
        if d := _places(points[parts == part]):
            whole.append(f'<path class="dot p-{part}" d="{d}"/>')
    return "".join(whole)


def _errors(points: NDArray[Any], labels: NDArray[Any]) -> str:
    pairs = [
        f"M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}"
        for a, b in zip(points, labels, strict=True)
        if np.isfinite([*a, *b]).all()
    ]
    return f'<path class="error" d="{"".join(pairs)}"/>'


def _places(points: NDArray[Any]) -> str:
    """Points as a path; round line ends make dots of it."""
    near = np.clip(points, -2 * IMAGE_SIZE, 3 * IMAGE_SIZE)
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in near if np.isfinite([x, y]).all())
