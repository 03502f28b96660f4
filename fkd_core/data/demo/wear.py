"""What demo heads wear, and what gets before them: hair, hats, beards, glasses, blobs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.data.demo.draw import SIDE, Pen, both, curve, ellipse
from fkd_core.data.demo.shape import LIP_BOTTOM, LIP_TOP, NOSE, Head
from fkd_core.keypoints import IMAGE_SIZE

Picture = NDArray[np.float32]


def accessories(pen: Pen, rng: np.random.Generator, tone: float, hair: float) -> None:
    """Draws lines of age, beard, glasses and hair or hat onto a finished face."""
    if rng.random() < 0.5:
        _folds(pen, tone * rng.uniform(0.75, 0.92))
    if rng.random() < 0.3:
        _beard(pen, rng, min(hair, tone * 0.8))
    if rng.random() < 0.22:
        _glasses(pen, rng)
    _hair(pen, rng, hair)


def _folds(pen: Pen, level: float) -> None:
    """From the wings of the nose around the corners of the mouth."""
    y = pen.head.shape[NOSE, 1]
    for corner in (11, 12):
        x, low = pen.head.shape[corner]
        side = np.sign(x)
        fold = [[side * 9, y], [x + side * 2.0, (y + low) / 2], [x + side * 4, low]]
        pen.line(curve(fold, closed=False), level, 0.5)


def _beard(pen: Pen, rng: np.random.Generator, level: float) -> None:
    coarse = rng.normal(1.0, 0.35, size=(36, 36)).astype(np.float32)
    grain: Picture = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    top, bottom = pen.head.shape[LIP_TOP, 1], pen.head.shape[LIP_BOTTOM, 1]
    share = rng.uniform(0.25, 0.85)
    if rng.random() < 0.7:  # moustache
        half = [[0, top - 6], [12, top - 3], [17, top + 3], [13, top + 1], [0, top - 0.5]]
        pen.blend(both(half), level, share, grain)
    if rng.random() < 0.7:
        full = [[9, bottom + 3], [18, top + 2], [26, top - 10], [34, top - 20],
                [31, bottom], [16, bottom + 15]]  # fmt: skip
        pen.blend(both(full), level, share, grain)


def _glasses(pen: Pen, rng: np.random.Generator) -> None:
    rim, width = rng.uniform(5, 150), rng.uniform(0.5, 1.6)
    a, b = rng.uniform(9.5, 12.5), rng.uniform(6.5, 10.0)
    sun, square = rng.random() < 0.12, rng.uniform(0.5, 1.0)
    for eye in (0, 1):
        x, y = pen.head.shape[eye]
        unit = ellipse(0, 0, 1, 1)
        lens = np.sign(unit) * np.abs(unit) ** square * [a, b] + [x, y + 1.5]
        if sun:
            pen.fill(lens, rim * 0.5)
        pen.line(lens, rim, width, closed=True)
        pen.line(np.array([[np.sign(x) * 29, y], [np.sign(x) * 37, y - 1]]), rim, width)
    pen.line(curve([[-18 + a, 0], [0, -2], [18 - a, 0]], closed=False), rim, width, z=6.0)


def _hair(pen: Pen, rng: np.random.Generator, level: float) -> None:
    style = rng.choice(["bald", "cap", "fringe", "parted", "short"], p=[0.1, 0.08, 0.22, 0.3, 0.3])
    if style == "bald":
        return
    out, line = rng.uniform(36, 44), rng.uniform(-32, -22)
    burn = rng.uniform(-8, 18)
    part = rng.uniform(-24, 24) if style == "parted" else 0.0
    if style == "fringe":
        line = rng.uniform(-22, -14)
    if style == "cap":
        level, line, burn, out = rng.uniform(5, 250), rng.uniform(-24, -15), -14.0, 38.0
    peak = rng.uniform(-9, 2) if style == "parted" else rng.uniform(-2, 2)
    outline = [
        [-out, burn], [-out - 1, -22], [-out * 0.72, -48], [0, -58 + rng.normal(0, 3)],
        [out * 0.72, -48], [out + 1, -22], [out, burn], [33.5, burn * 0.6 - 6],
        [25, line + 4], [part, line + peak], [-25, line + 4], [-33.5, burn * 0.6 - 6],
    ]  # fmt: skip
    pen.fill(curve(outline), level, z=-4.0, skin=0)
    for _ in range(0 if style == "cap" else int(rng.integers(4, 11))):
        x = rng.uniform(-0.9, 0.9) * out
        strand = [[part * 0.5 + x * 0.6, -54], [x, -42], [x * 1.08, min(line, -30 + abs(x) * 0.4)]]
        pen.line(curve(strand, closed=False), level + rng.normal(0, 22), 0.6, z=-4.0)
    if style == "fringe" or rng.random() < 0.08:
        for _ in range(int(rng.integers(2, 8))):
            x, low = rng.uniform(-28, 28), rng.uniform(-16, -4)
            lock = [[x - 3, line - 4], [x + 3, line - 4], [x + rng.normal(0, 2), low]]
            pen.fill(np.array(lock), level + rng.normal(0, 8), z=3.0)


def occluder(head: Head, rng: np.random.Generator, picture: Picture) -> Picture:
    """The picture, with a hand, a microphone or a shadow before it in one of seven."""
    if rng.random() > 0.15:
        return picture
    target = head.points[rng.integers(len(head.points))] + rng.normal(0, 8, 2)
    angles = np.arange(8) * np.pi / 4 + rng.uniform(-0.3, 0.3, 8)
    reach = rng.uniform(4, 13, 8)
    blob = curve(target + np.stack([np.cos(angles), np.sin(angles)], 1) * reach[:, None])
    mask = np.zeros((IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    cv2.fillPoly(mask, [np.round(blob * 16).astype(np.int32)], 255.0, cv2.LINE_AA, 4)
    share = mask.astype(np.float32) * np.float32(rng.choice([0.5, 1.0], p=[0.3, 0.7]) / 255)
    level = np.float32(rng.uniform(10, 245)) + rng.normal(0, 5, picture.shape).astype(np.float32)
    covered: Picture = picture + share * (level - picture)
    return covered
