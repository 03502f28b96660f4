"""How many faces the detector finds in photos, and how many it finds where there are none.

    python benchmarks/detect_faces.py --data FOLDER --backgrounds FOLDER [--beside mtcnn]

Training faces, one to six a scene, 24 to 400 pixels wide, are laid into backgrounds at every turn
of 15 degrees. A face is found where both eyes of a frame lie within 18% of its width of the true;
what fits no face is false. Backgrounds are pictures without a face, such as the textures and
objects that scikit-image carries; without them, blurred noise is taken. With --beside, another
detector that was installed by hand is shown the same scenes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from held_back import console
from numpy.typing import NDArray
from other_detectors import EYES, Look, others

from fkd_core import command
from fkd_core.data.demo import demo_folder
from fkd_core.data.faces import Faces
from fkd_core.data.kaggle import load_competition
from fkd_core.errors import UserError
from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.photos.detector import SURE, Gray, find
from fkd_core.photos.frames import Frame
from fkd_core.photos.reading import gray, listed, read_photo
from fkd_core.report.sheet import Sheet
from fkd_core.shared_options import check_seed

WIDTHS = ((24, 40), (40, 80), (80, 400))
_NEAR = 0.18


@dataclass(frozen=True)
class Detecting:
    """Options of this benchmark."""

    data: Path | None = None
    """The competition's files; without it, the demo faces."""
    backgrounds: Path | None = None
    """Folder of pictures without a face."""
    results: Path = Path("results/detect_faces")
    """Folder for what is read once."""
    scenes: int = 4
    """Scenes a turn."""
    side: int = 800
    """Longest side of a scene, pixels."""
    sure: float = SURE
    """How sure a face must be, of ours."""
    beside: Literal["mtcnn"] | Path | None = None
    """Another detector: mtcnn, or the file of YuNet's weights for OpenCV."""
    seed: int = 0
    """Of the scenes."""

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""
        check_seed(self.seed)
        if self.scenes < 1 or self.side < 200:
            raise UserError("--scenes and --side: give 1 or more, and 200 or more")


@dataclass(frozen=True, eq=False)
class Laid:
    """A face that was laid into a scene."""

    frame: Frame
    """Where its picture lies."""
    eyes: NDArray[np.float64]
    """[2, 2] left and right, px of the scene."""

    def shows(self, found: Frame) -> bool:
        """Whether a frame is around it."""
        off = np.abs(found.to_photo(EYES) - self.eyes).max()
        return bool(off < _NEAR * self.frame.side)

    def off(self, found: Frame) -> tuple[float, float, float, float]:
        """How a frame differs from that of the face's picture: px right and down of 96, percent in
        size, degrees."""
        x, y = self.frame.of_photo((found.x, found.y)) - (IMAGE_SIZE - 1) / 2
        turned = (found.roll - self.frame.roll + 180) % 360 - 180
        return float(x), float(y), 100 * (found.step / self.frame.step - 1), turned


def scene(
    faces: Faces, background: Gray, turn: float, side: int, rng: np.random.Generator
) -> tuple[Gray, list[Laid]]:
    """A background with one face, or two to six, turned alike."""
    short = int(side * rng.uniform(0.7, 1))
    shape = (side, short) if rng.random() < 0.5 else (short, side)
    picture = cv2.resize(background, shape, interpolation=cv2.INTER_AREA)
    count = 1 if rng.random() < 0.5 else int(rng.integers(2, 7))
    laid: list[Laid] = []
    taken: list[Frame] = []
    for _ in range(50 * count):
        width = min(float(np.exp(rng.uniform(np.log(24), np.log(400)))), 0.65 * short)
        reach = 0.72 * width  # of its corners, however it is turned
        at = [rng.uniform(reach, length - reach) for length in shape]
        frame = Frame(at[0], at[1], width / IMAGE_SIZE, turn)
        apart = (np.hypot(frame.x - o.x, frame.y - o.y) > 0.75 * (width + o.side) for o in taken)
        if not all(apart):
            continue
        face = int(rng.integers(len(faces)))
        picture = with_face(picture, faces.images[face], frame)
        laid.append(Laid(frame, frame.to_photo(faces.points[face, :2])))
        taken.append(frame)
        if len(laid) == count:
            break
    return picture, laid


def with_face(picture: Gray, face: Gray, frame: Frame) -> Gray:
    """The picture with a face in this frame, its border blurred a little."""
    if frame.step < 1:
        face = np.asarray(cv2.GaussianBlur(face, (0, 0), 0.4 / frame.step), np.uint8)
    corner = frame.to_photo((0, 0))
    along = [frame.to_photo(step) - corner for step in ((1, 0), (0, 1))]
    matrix = np.column_stack([*along, corner])
    tall, wide = picture.shape
    drawn = cv2.warpAffine(face, matrix, (wide, tall), flags=cv2.INTER_CUBIC)
    whole = np.full_like(face, 255)
    mask = cv2.warpAffine(whole, matrix, (wide, tall)).astype(np.float32) / 255
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.02 * frame.side))
    return np.asarray(drawn * mask + picture * (1 - mask), np.uint8)


def backgrounds(folder: Path | None, rng: np.random.Generator) -> list[Gray]:
    """Gray pictures without a face."""
    if folder is not None:
        return [gray(read_photo(file)) for file in listed((folder,), folder / "out").files]
    noise = (rng.normal(128, 60, (400, 400)) for _ in range(8))
    return [
        np.clip(cv2.GaussianBlur(each, (0, 0), 1 + 2 * k) * (1 + k) - 128 * k, 0, 255).astype("u1")
        for k, each in enumerate(noise)
    ]


def main(options: Detecting) -> None:
    """Count found and false faces at every turn."""
    looks: dict[str, Look] = {"ours": lambda picture: find(picture, options.sure)}
    looks |= others(options.beside) if options.beside else {}
    data = options.data or demo_folder(options.results / "cache" / "demo")
    faces = load_competition(data, options.results / "cache" / "faces").training
    eyed = np.isfinite(faces.points[:, :2]).all(axis=(1, 2))
    faces = faces.take(np.flatnonzero(eyed))
    told = [measured(name, look, faces, options) for name, look in looks.items()]
    rows = [row for own, _ in told for row in own]
    sheet = Sheet("detect_faces", "The detector", rows, " ".join(note for _, note in told))
    sheet.write(options.results)
    console.print(sheet.shown())


def measured(
    name: str, look: Look, faces: Faces, options: Detecting
) -> tuple[list[dict[str, Any]], str]:
    """What a detector finds, by width, and what else is to be said of it; every one is shown the
    same scenes."""
    rng = np.random.default_rng(options.seed)
    behind = backgrounds(options.backgrounds, rng)
    seen: list[tuple[int, float, bool]] = []
    wrong = empty = scenes = 0
    seconds = 0.0
    off: list[tuple[float, float, float, float]] = []
    for turn in range(0, 360, 15):
        for _ in range(options.scenes):
            background = behind[int(rng.integers(len(behind)))]
            picture, laid = scene(faces, background, turn, options.side, rng)
            began = time.process_time()
            found = [frame for frame, _ in look(picture)]
            seconds += time.process_time() - began
            for face in laid:
                own = [frame for frame in found if face.shows(frame)]
                seen.append((turn, face.frame.side, bool(own)))
                off += [face.off(frame) for frame in own[:1]]
            wrong += sum(not any(face.shows(frame) for face in laid) for frame in found)
            scenes += 1
    for background in behind:
        empty += len(look(background))
    turns, widths, hits = (np.array(column) for column in zip(*seen, strict=True))
    upright = (turns <= 15) | (turns >= 345)
    rows = [
        {
            "detector": name,
            "width, px": f"{low} to {high}",
            "faces": int(own.sum()),
            "found": hits[own].mean(),
            "found upright": hits[own & upright].mean() if (own & upright).any() else None,
        }
        for low, high in WIDTHS
        for own in [(widths >= low) & (widths <= high)]
        if own.any()
    ]
    note = (
        f"{name}: {scenes} scenes of {options.side} px, {seconds / scenes * 1000:.0f} ms of CPU "
        f"each; {wrong / scenes:.3f} false faces a scene, {empty} in {len(behind)} backgrounds. "
        f"Seed {options.seed}."
    )
    if off:
        mean, spread = np.mean(off, axis=0), np.std(off, axis=0)
        units = ("px right", "px down", "% larger", "degrees on")
        told = (f"{m:.1f} {u} (sd {d:.1f})" for m, d, u in zip(mean, spread, units, strict=True))
        note += f" Frames differ from the faces' own pictures of 96 px by {', '.join(told)}."
    return rows, note


if __name__ == "__main__":
    command.run(main, Detecting)
