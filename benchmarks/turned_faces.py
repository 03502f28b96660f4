"""How far points are off on faces that are turned in a photo, as they stand and straightened.

    python experiments/build_ensemble.py --data FOLDER --recipe best --preset quick
    python benchmarks/turned_faces.py --data FOLDER

Faces that one of the ensemble's fits held out are laid into backgrounds, one a scene, turned by
-60 to 60 degrees. The fit, a cascade, is asked about an upright square around the face; so is one
of its last network alone, trained here on the same faces and as many pictures. `photo` is the way
of `Predictor.photo`: the face is found, cut out as it is turned, and the cascade is asked. All are
scored on the same faces, those that are found. The picture shows one of them, asked both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from detect_faces import Laid, backgrounds, with_face
from held_back import console, finished, trained, unseen
from ladder import SHARES
from numpy.typing import NDArray

from fkd_core import command
from fkd_core.data.faces import Faces
from fkd_core.ensemble.predictor import Predictor
from fkd_core.ensemble.questions import weights_of
from fkd_core.ensemble.viewer import Viewer, Weights
from fkd_core.ensemble.views import VIEWS
from fkd_core.errors import UserError
from fkd_core.evidence import Pool, rmse
from fkd_core.fitting.spec import FitSpec
from fkd_core.photos.detector import Gray
from fkd_core.photos.faces import Face, Predict, Spotted, marked, spotted
from fkd_core.photos.frames import Frame
from fkd_core.photos.overlay import drawn, write_drawn
from fkd_core.report.sheet import Sheet
from fkd_core.runs import run_of
from fkd_core.shared_options import check_seed
from fkd_core.sources import PIPELINES, SOURCES

ROLLS = tuple(range(-60, 61, 20))
"""Degrees, clockwise as seen."""
SHOWN = (-60, -20, 40)
"""Those that are drawn."""
STEP, SIDE, AWAY = 2.0, 400, 20.0
"""Pixels of a scene: to one of the face's picture, along each side, and of the face from the
middle, at most."""


@dataclass(frozen=True)
class Turning:
    """Options of this benchmark."""

    data: Path | None = None
    """The competition's files; without it, the demo faces."""
    results: Path = Path("results")
    """Folder of the runs; nothing is written there."""
    run: str | None = None
    """Name of the run; without it, this data's."""
    out: Path = Path("results/turned_faces")
    """Folder for the table, the picture, and what is kept, so that a rerun goes on."""
    backgrounds: Path | None = None
    """Folder of pictures without a face; without it, blurred noise is taken."""
    faces: int = 150
    """How many of those held out, at most."""
    seed: int = 0
    """Of the choice of faces, and of the scenes."""

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""
        check_seed(self.seed)
        run_of(self.results, self.data, self.run)
        if self.faces < 1:
            raise UserError("--faces: give 1 or more")


@dataclass(frozen=True, eq=False)
class Turned:
    """Faces of one source that the detector found, each in a scene of its own."""

    source: str
    faces: Faces
    pictures: list[Gray]
    laid: list[Laid]
    spots: list[Spotted]
    """Of each scene, the frame that is around the face."""

    def as_they_stand(self, predict: Predict) -> list[Face]:
        """What is said of an upright square around each face."""
        squares = [replace(face.frame, roll=0.0) for face in self.laid]
        seen = [square.sample(own) for square, own in zip(squares, self.pictures, strict=True)]
        said = predict(np.stack(seen))
        return [Face(s, None, s.to_photo(points)) for s, points in zip(squares, said, strict=True)]

    def straightened(self, predict: Predict) -> list[Face]:
        """What is said of each face as the detector found it."""
        told = marked(self.pictures, self.spots, predict, SOURCES[self.source])
        return [face for (face,) in told]

    def only(self, row: int) -> Turned:
        """The face of this row of training.csv alone."""
        at = self.faces.row.tolist().index(row)
        one: dict[str, Any] = {
            name: [getattr(self, name)[at]] for name in ("pictures", "laid", "spots")
        }
        return replace(self, faces=self.faces.take([at]), **one)

    def errors(self, said: Sequence[Face]) -> Pool:
        """In pixels of the faces' own pictures."""
        own = [
            laid.frame.of_photo(face.points) for laid, face in zip(self.laid, said, strict=True)
        ]
        truth = self.faces.targets(PIPELINES[self.source])
        return Pool.of_points(np.stack(own), truth, self.faces.group, SHARES[self.source])


def turned(faces: Faces, source: str, behind: Sequence[Gray], roll: float, seed: int) -> Turned:
    """These faces, turned by so many degrees; the same scenes whatever the angle."""
    rng = np.random.default_rng(seed)
    scenes = list[tuple[int, Gray, Laid, Spotted]]()
    for number, (image, points) in enumerate(zip(faces.images, faces.points, strict=True)):
        background = behind[int(rng.integers(len(behind)))]
        x, y = (SIDE - 1) / 2 + rng.uniform(-AWAY, AWAY, 2)
        frame = Frame(float(x), float(y), STEP, roll)
        picture = cv2.resize(background, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        picture = with_face(picture, image, frame)
        face = Laid(frame, frame.to_photo(points[:2]))
        found = [spot for spot in spotted(picture) if face.shows(spot[0])]
        if found:
            scenes.append((number, picture, face, found[:1]))
    if not scenes:
        raise UserError(f"no face of {source} is found at {roll:g} degrees; give more --faces")
    kept, pictures, laid, spots = ([*column] for column in zip(*scenes, strict=True))
    return Turned(source, faces.take(kept), pictures, laid, spots)


Style = Callable[[str], Predict]
"""Source to what a fit says of pictures in its style."""


def asked(spec: FitSpec, weights: Weights, tta: str) -> Style:
    """How a fit answers in the views of this name."""
    viewer = Viewer(spec, weights)

    def style(source: str) -> Predict:
        columns = spec.taught.of(source)
        return lambda images: viewer.said(images, VIEWS[tta]).mean(axis=0)[:, columns]

    return style


def alone(spec: FitSpec) -> FitSpec:
    """A cascade's last network on pictures as they are, for as many epochs as all its stages."""
    epochs = sum(stage.training.epochs for stage in spec.stages)
    return replace(spec, aligned_by=None, training=replace(spec.training, epochs=epochs))


def measured(parts: Sequence[Turned], one: Style, cascade: Style) -> dict[str, Any]:
    """Errors on faces of all sources that are turned alike."""
    said = {
        "one stage": [part.as_they_stand(one(part.source)) for part in parts],
        "cascade": [part.as_they_stand(cascade(part.source)) for part in parts],
        "photo": [part.straightened(cascade(part.source)) for part in parts],
    }
    try:
        return {
            name: rmse([part.errors(own) for part, own in zip(parts, faces, strict=True)])
            for name, faces in said.items()
        }
    except ValueError as error:
        raise UserError(f"{error}; give more --faces") from error


def picture(parts: Sequence[Turned], predict: Predict) -> NDArray[np.uint8]:
    """One face at several angles: above as it stands, below straightened."""
    columns = []
    for part in parts:
        scene = cv2.cvtColor(part.pictures[0], cv2.COLOR_GRAY2BGR)
        both = (part.as_they_stand(predict), part.straightened(predict))
        columns.append(np.vstack([drawn(scene, said, SOURCES[part.source]) for said in both]))
    return np.hstack(columns)


def main(options: Turning) -> None:
    """Say how far points are off on turned faces."""
    cache = options.out / "cache"
    run, _, faces = finished(options.results, options.data, options.run, cache)
    predictor = Predictor.load(run.ensemble)
    fit = predictor.half(predictor.pipeline).members[0].fits[0]
    if fit.spec.aligned_by is None:
        raise UserError(f"{run.ensemble} begins with no cascade; build one with --recipe best")
    held_out = unseen(fit.spec, faces)
    lone = alone(fit.spec)
    fits = trained(faces, [lone], options.out, "one stage")
    one = asked(lone, weights_of(lone, fits), predictor.tta)
    cascade = asked(fit.spec, fit.load(), predictor.tta)

    rng = np.random.default_rng(options.seed)
    behind = backgrounds(options.backgrounds, rng)
    eyed = np.flatnonzero(np.isfinite(held_out.points[:, :2]).all(axis=(1, 2)))
    chosen = held_out.take(rng.permutation(eyed)[: options.faces])
    own = {
        source: chosen.take(np.flatnonzero(chosen.of_mask(PIPELINES[source])))
        for source in fit.spec.taught.sources
    }
    rows, shown = list[dict[str, Any]](), list[Turned]()
    for roll in ROLLS:
        parts = [turned(each, source, behind, roll, options.seed) for source, each in own.items()]
        found = sum(len(part.faces) for part in parts) / len(chosen)
        told = {"roll": roll, "faces": len(chosen), "found": found}
        rows.append(told | measured(parts, one, cascade))
        shown += parts[:1] if roll in SHOWN else []
    note = (
        f"RMSE, px of a picture of 96 px, of the faces found, "
        f"weighted {':'.join(map(str, SHARES.values()))}. {fit.spec.name}, fold "
        f"{fit.spec.split.fold} held out, views {predictor.tta}. Data {faces.fingerprint[:16]}, "
        f"seed {options.seed}."
    )
    sheet = Sheet("turned_faces", "Turned faces", rows, note)
    sheet.write(options.out)
    console.print(sheet.shown())
    always = set.intersection(*({*part.faces.row.tolist()} for part in shown))
    if always:
        alike = [part.only(min(always)) for part in shown]
        drawing = picture(alike, cascade(alike[0].source))
        write_drawn(options.out / "turned_faces.png", drawing)


if __name__ == "__main__":
    command.run(main, Turning)
