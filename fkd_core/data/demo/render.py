"""Pictures of the demo heads: gray 96 x 96 photographs of nobody, drawn by this code alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fkd_core.data.demo.draw import SIDE, Pen, both, curve, disc, ellipse
from fkd_core.data.demo.shape import LIP_BOTTOM, LIP_TOP, NOSE, Array, Head
from fkd_core.data.demo.wear import accessories, occluder
from fkd_core.keypoints import IMAGE_SIZE

_DOWN, _RIGHT = np.array([0.0, 1.0]), np.array([1.0, 0.0])
_AXIS = np.arange(IMAGE_SIZE, dtype=np.float32)
Picture = NDArray[np.float32]


def render(head: Head, rng: np.random.Generator) -> NDArray[np.uint8]:
    """[96, 96] one photograph; every keypoint of `head.points` lies on the feature it names."""
    pen = Pen(head)
    tone = float(rng.uniform(140, 225))
    hair = float(
        rng.choice(
            [rng.uniform(10, 70), rng.uniform(60, 130), rng.uniform(140, 225)], p=[0.5, 0.3, 0.2]
        )
    )
    _background(pen, rng)
    _skull(pen, rng, tone, hair)
    _eyes(pen, rng, tone)
    _brows(pen, rng, tone, hair)
    _nose(pen, rng, tone)
    _mouth(pen, rng, tone)
    accessories(pen, rng, tone, hair)
    picture = cv2.resize(pen.canvas, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA)
    skin = cv2.resize(pen.skin, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA)
    lit = _shade(head, rng, picture.astype(np.float32), skin.astype(np.float32) / 255.0)
    return _camera(rng, occluder(head, rng, lit))


def _background(pen: Pen, rng: np.random.Generator) -> None:
    base = rng.uniform(30, 230)
    cells = int(rng.integers(2, 9))
    rough = np.clip(rng.normal(base, rng.uniform(2, 28), (cells, cells)), 0, 255)
    cv2.resize(rough.astype(np.uint8), (SIDE, SIDE), pen.canvas, interpolation=cv2.INTER_LINEAR)
    for _ in range(int(rng.integers(0, 4))):
        corner, size = rng.uniform(-20, 90, 2), rng.uniform(6, 60, 2)
        box = corner + size * np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        pen.fill_pixels(box + rng.normal(0, 5, box.shape), rng.uniform(0, 255))


def _skull(pen: Pen, rng: np.random.Generator, tone: float, hair: float) -> None:
    """Hair behind, clothes, neck, ears, face."""
    wide, chin = rng.normal(1.0, 0.05), pen.head.shape[LIP_BOTTOM, 1] + rng.normal(15.0, 1.5)
    if rng.random() < 0.45:  # long hair, behind everything
        out = rng.uniform(38, 50)
        drop = rng.uniform(30, 90)
        shape = [[0, -52], [out * 0.7, -42], [out, -8], [out * 1.05, drop], [12, drop + 8]]
        pen.fill(curve(both(shape)), hair * rng.uniform(0.7, 1.0), z=-14.0)
    cloth = [[0, chin - 2], [24, chin + 6], [75, chin + 22], [80, 140], [0, 150]]
    pen.fill(both(cloth), rng.uniform(10, 240), z=-12.0)
    pen.fill(both([[0, 30], [21 * wide, 34], [24 * wide, chin + 9], [0, chin + 17]]),
             tone * 0.78, z=-8.0, skin=255)  # fmt: skip
    for side in (-1, 1):
        pen.fill(ellipse(side * 36.5 * wide, 10, 5.0, 9.5), tone * 0.86, z=-12.0, skin=255)
    jaw = rng.normal(1.0, 0.07)
    side_face = [
        [0, -46], [17, -43], [29, -30], [34, -10], [34, 12],
        [31 * jaw, chin - 26], [22 * jaw, chin - 9], [9, chin - 1], [0, chin],
    ]  # fmt: skip
    pen.fill(curve(both(side_face) * [wide, 1.0]), tone, skin=255)


def _eyes(pen: Pen, rng: np.random.Generator, tone: float) -> None:
    white = min(250.0, tone * 0.55 + rng.uniform(70, 120))
    iris, lid = rng.uniform(15, 75), tone * rng.uniform(0.3, 0.6)
    opened = float(np.clip(rng.normal(3.4, 0.9), 1.2, 5.5))
    radius, shape = rng.uniform(3.2, 4.2), pen.head.shape
    for centre, inner, outer in ((0, 2, 3), (1, 4, 5)):
        upper, lower = shape[centre] - [0, opened], shape[centre] + [0, opened * 0.8 + 0.6]
        top = curve([shape[inner], upper, shape[outer]], closed=False)
        low = curve([shape[outer], lower, shape[inner]], closed=False)
        eyeball = np.concatenate([top, low])
        pen.fill(eyeball, white)
        rings = ((radius, iris), (radius * 0.5, iris * 0.3))
        pen.fill_within(eyeball, [(disc(shape[centre], r), level) for r, level in rings])
        pen.line(top, lid, rng.uniform(0.5, 1.3))
        if opened > 2.0:
            pen.line(low, tone * 0.72, 0.4)
            pen.line(top - [0, rng.uniform(2, 3.5)], tone * 0.8, 0.5)
        pen.fill(disc(shape[centre] - [1.4, 1.3], 0.6), 230)


def _brows(pen: Pen, rng: np.random.Generator, tone: float, hair: float) -> None:
    level = 0.75 * min(hair, tone * 0.8) + 0.25 * tone * rng.uniform(0.3, 0.9)
    thick, arch = rng.uniform(0.9, 2.4), rng.normal(2.4, 1.0)
    for inner, outer in ((6, 7), (8, 9)):
        a, b = pen.head.shape[inner], pen.head.shape[outer]
        middle = a + 0.6 * (b - a) - [0, arch]
        spine = curve([a, middle, b], closed=False)
        taper = (thick * np.linspace(1.0, 0.45, len(spine)))[:, None] * [0.0, 1.0]
        pen.fill(np.concatenate([spine - taper, (spine + taper)[::-1]]), level)


def _nose(pen: Pen, rng: np.random.Generator, tone: float) -> None:
    x, y = pen.head.shape[NOSE]
    wide = rng.uniform(6.0, 8.5)
    for side in (-1, 1):
        wing = [[x + side * (wide - 2), y - 4], [x + side * wide, y + 1.5],
                [x + side * (wide - 2.5), y + 5]]  # fmt: skip
        pen.line(curve(wing, closed=False), tone * 0.7, 0.7, z=7.0)
        pen.fill(ellipse(x + side * wide * 0.48, y + 4.6, 2.0, 1.1), tone * 0.4, z=9.5)
    pen.line(curve([[x - 2.5, y + 5.2], [x, y + 6.4], [x + 2.5, y + 5.2]], False), tone * 0.6,
             0.7, z=9.0)  # fmt: skip


def _mouth(pen: Pen, rng: np.random.Generator, tone: float) -> None:
    left, right, top, bottom = pen.head.shape[11:15]
    lip, full = tone * rng.uniform(0.55, 0.9), rng.uniform(0.3, 0.42)
    height = bottom[1] - top[1]
    rim = 0.15 * (left - right) * [1, 0]
    bow = [right, top - rim + [0, -0.3], top, top + rim + [0, -0.3], left]
    upper = curve(bow, closed=False)
    lower = curve([left, bottom + rim * 1.6 - [0, 1.0], bottom, bottom - rim * 1.6 - [0, 1.0],
                   right], closed=False)  # fmt: skip
    pen.fill(np.concatenate([upper, lower]), lip)
    gap = max(0.0, height - 9.5)
    a, b = top + full * (height - gap) * _DOWN, bottom - (1 - full) * (height - gap) * _DOWN
    roof = curve([right * [0.97, 1], a, left * [0.97, 1]], closed=False)
    if gap < 1.0:
        pen.line(roof, lip * 0.45, 0.7)
    else:
        floor = curve([left * [0.97, 1], b, right * [0.97, 1]], closed=False)
        hole = np.concatenate([roof, floor])
        pen.fill(hole, lip * 0.3)
        if rng.random() < 0.7:  # teeth
            teeth = np.concatenate([roof, (roof + 0.55 * gap * _DOWN)[::-1]])
            pen.fill_within(hole, [(teeth, 215.0)])
    for corner in (left, right):
        pen.fill(disc(corner, 1.0), lip * 0.5)


def _spot(at: Array, a: float, b: float) -> Picture:
    """[96, 96] a Gaussian bump of height 1 at a pixel, deviations a and b pixels."""
    x = np.exp(((_AXIS - float(at[0])) / a) ** 2 * -0.5)
    y = np.exp(((_AXIS - float(at[1])) / b) ** 2 * -0.5)
    bump: Picture = y[:, None] * x
    return bump


def _shade(head: Head, rng: np.random.Generator, picture: Picture, skin: Picture) -> Picture:
    """Light: the head's roundness and its soft hollows on skin, a gradient over everything."""
    size, points = head.scale, head.points
    # Plain floats: NumPy's own would turn every picture below into float64.
    cos, sin = float(np.cos(head.roll)) / size, float(np.sin(head.roll)) / size
    dx, dy = _AXIS[None, :] - head.centre[0], _AXIS[:, None] - head.centre[1]
    u = (cos * dx + sin * dy) / 38 + 0.3 * float(np.sin(head.yaw))
    v = (-sin * dx + cos * dy - 14) / 55
    light, fall = rng.normal(0.0, [0.16, 0.08]).tolist(), rng.uniform(0.12, 0.4)
    shade = 1.06 + light[0] * u + light[1] * v - fall * (u * u + v * v * 0.6) ** 2
    dim = rng.uniform(0.06, 0.25)
    for eye in (0, 1):
        shade -= dim * _spot(points[eye] - [0, 1.0], 8 * size, 5 * size)
    bridge = head.place(head.shape[NOSE] * [[0.3, 0.0], [0.6, 0.35], [0.9, 0.7]], 7.0)
    away = 4.5 * size if light[0] > 0 else -4.5 * size
    for at in bridge:
        shade -= 0.13 * _spot(at - away * _RIGHT, 2.2 * size, 5 * size)
        shade += 0.06 * _spot(at, 1.8 * size, 4 * size)
    shade += rng.uniform(0.08, 0.28) * _spot(points[NOSE], 2.4 * size, 2.2 * size)
    shade -= rng.uniform(0.1, 0.25) * _spot(head.nose_base + 0.8 * _DOWN, 6 * size, 1.6 * size)
    shade -= rng.uniform(0.05, 0.2) * _spot(points[LIP_BOTTOM] + [0, 3.0 * size], 8 * size,
                                            1.8 * size)  # fmt: skip
    lip = 0.06 * _spot((points[LIP_TOP] + points[LIP_BOTTOM] * 2) / 3, 5 * size, 1.5 * size)
    lit = picture * (1 + skin * (shade + lip - 1))
    across, along = (rng.normal(0.0, 0.09, size=2) / 48).tolist()
    field = 1 + across * (_AXIS[None, :] - 48) + along * (_AXIS[:, None] - 48)
    out: Picture = np.clip(lit * np.clip(field, 0.25, 1.75), 0, 255).astype(np.float32)
    return out


def _camera(rng: np.random.Generator, picture: Picture) -> NDArray[np.uint8]:
    """Exposure, blur, low resolution, noise and JPEG, each in some of the photographs."""
    span = rng.uniform(0.85, 1.1)
    base = rng.uniform(0.0, 1.0) * max(0.0, 255 - 235 * span) * 0.6
    picture = 255.0 * np.clip(picture / 255.0, 0, 1) ** np.float32(rng.uniform(0.8, 1.25))
    picture = picture * np.float32(span) + np.float32(base)
    blur = rng.uniform(0.0, 0.7) if rng.random() < 0.7 else rng.uniform(0.7, 1.8)
    if blur > 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    if rng.random() < 0.12:
        small = int(rng.integers(36, 60))
        picture = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(picture, (IMAGE_SIZE,) * 2, interpolation=cv2.INTER_LINEAR)
    noise = rng.gamma(2.0, 1.5) * span
    picture = picture + rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(noise)
    image: NDArray[np.uint8] = np.clip(np.round(picture), 0, 255).astype(np.uint8)
    return jpeg(image, int(rng.integers(25, 95))) if rng.random() < 0.35 else image


def jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """[96, 96] the picture after JPEG at a quality 0..100."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
