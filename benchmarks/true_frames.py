"""The best case of a cascade: its last stage on faces that are straightened by their own labels.

    python benchmarks/true_frames.py --data FOLDER

The best recipe's last stage is trained twice on equal pictures: behind a short first stage, as it
is meant, and with every face, also one that is held out, where its labels say that it stands. What
lies between both is the most that a better first stage could gain. A frame takes four numbers of
what the labels say, of 30 where there are 15 points, but of 8 where there are 4: so much of what
an annotator errs by goes into it too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from held_back import console
from ladder import FOLDS, SHARES
from numpy.typing import NDArray

from fkd_core import command
from fkd_core.data.demo import demo_folder
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split, split
from fkd_core.data.kaggle import load_competition
from fkd_core.ensemble.viewer import Viewer
from fkd_core.ensemble.views import VIEWS
from fkd_core.errors import UserError
from fkd_core.evidence import Pool, rmse
from fkd_core.fitting.fit import fit
from fkd_core.fitting.fit_data import FitData
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.runtime import import_silently, prepare_for
from fkd_core.fitting.spec import FitSpec
from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.models import Architecture
from fkd_core.photos.frames import placing
from fkd_core.report.sheet import Sheet
from fkd_core.shared_options import check_seed
from fkd_core.sources import JOINT, PIPELINES
from search_spaces.best_recipe import FIND, LAST, chain

SQUARES = 8
"""Side in pixels of the squares whose mean gray levels tell pictures apart."""


@dataclass(frozen=True)
class Best:
    """Options of this benchmark."""

    data: Path | None = None
    """The competition's files; without it, the demo faces."""
    results: Path = Path("results/true_frames")
    """Folder for the table, and for what is read once."""
    find: int = 12_000
    """Pictures shown to the first stage."""
    pictures: int = 36_000
    """Pictures shown to each last stage."""
    seed: int = 0
    """Of the deal into folds, of weights and batch order."""

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""
        check_seed(self.seed)
        if min(self.find, self.pictures) < 1:
            raise UserError("--find and --pictures: give 1 or more")


@dataclass(frozen=True)
class Told(Architecture):
    """No network: a table of so many pictures and the points that it was told of each."""

    name: ClassVar[str] = "told"
    pictures: int = 1

    @classmethod
    def tiny(cls) -> Told:
        return cls()

    def build(self, outputs: int) -> Any:
        from keras import Input, Model, layers, ops

        gray = Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="gray")
        squares = layers.Flatten()(layers.AveragePooling2D(SQUARES)(gray))
        nearest = ops.argmax(layers.Dense(self.pictures)(squares), axis=1)
        known = ops.one_hot(nearest, self.pictures)
        return Model(gray, layers.Dense(outputs, use_bias=False)(known), name=self.name)

    @staticmethod
    def weights(
        images: NDArray[np.uint8], points: NDArray[np.float32]
    ) -> list[NDArray[np.float32]]:
        """The model's, for pictures [n, 96, 96] and points [n, p, 2]."""
        sides = (len(images), IMAGE_SIZE // SQUARES, SQUARES, IMAGE_SIZE // SQUARES, SQUARES)
        known = images.reshape(sides).mean(axis=(2, 4)).reshape(len(images), -1)
        # The largest 2 p k - k k is that of the k nearest to p.
        arrays = (2 * known.T, -np.square(known).sum(axis=1), points.reshape(len(points), -1))
        return [np.asarray(array, np.float32) for array in arrays]


def true_frames(faces: Faces, spec: FitSpec) -> NDArray[np.float32]:
    """[N, p, 2] px: the mean face of those that train, moved, turned and resized to lie as near to
    each face's labels as it can; of a face with fewer than two labels where it is."""
    mean = FitData(spec, faces, None).mean_face().reshape(-1, 2)
    told = np.tile(mean, (len(faces), 1, 1))
    for own, labels in zip(told, faces.targets(spec.taught), strict=True):
        known = np.isfinite(labels).all(axis=1)
        if known.sum() > 1:
            own[:] = placing(labels[known], mean[known]).to_photo(mean)
    return told


def fitted(spec: FitSpec, faces: Faces, before: list[NDArray[Any]] | None = None) -> FitResult:
    """The fit. Raises UserError where these faces cannot serve it."""
    outcome = fit(spec, faces, keep_weights=True, before=before)
    if not isinstance(outcome, FitResult):
        raise UserError(f"{spec.name}: {outcome}")
    return outcome


def figures(name: str, spec: FitSpec, said: NDArray[np.float32], faces: Faces) -> dict[str, Any]:
    """What points [n, p, 2] of the held-out faces err by."""
    truth = faces.targets(spec.taught)
    pools = []
    for source, weight in SHARES.items():
        own = spec.taught.of(source)
        pools.append(Pool.of_points(said[:, own], truth[:, own], faces.group, weight))
    each = {source: rmse([pool]) for source, pool in zip(SHARES, pools, strict=True)}
    return {"straightened by": name} | each | {"pooled": rmse(pools)}


def main(options: Best) -> None:
    """Say what a cascade's last stage errs by behind a first stage, and by behind true points."""
    data = options.data or demo_folder(options.results / "cache" / "demo")
    faces = load_competition(data, options.results / "cache" / "faces").training
    deal = Split("all", FOLDS, 0, options.seed)
    parts = split(faces, PIPELINES[JOINT], deal)
    stages = (replace(FIND, pictures=options.find), replace(LAST, pictures=options.pictures))
    chained = chain(stages, len(parts.train)).everywhere(split=deal, seed=options.seed)
    find, spec = chained.stages
    held_out = faces.take(parts.held_out)

    prepare_for(spec)
    import_silently()
    real = fitted(spec, faces, fitted(find, faces).weights)
    settled = Viewer(spec, real.weights).said(held_out.images, VIEWS["settled"]).mean(axis=0)
    told = replace(spec, aligned_by=replace(find, model=Told(len(faces))))
    points = true_frames(faces, find)
    best = fitted(told, faces, Told.weights(faces.images, points))
    rows = [
        figures("a first stage", spec, real.predictions, held_out),
        figures("a first stage, settled", spec, settled, held_out),
        figures("the labels", told, best.predictions, held_out),
    ]
    note = (
        f"RMSE, px, {len(held_out):,} held-out faces of one fold of {FOLDS}, weighted "
        f"{':'.join(map(str, SHARES.values()))}; {len(parts.train):,} train: {find.model.name} "
        f"for {find.training.epochs} epochs, {spec.model.name} for {spec.training.epochs}. "
        f"Data {faces.fingerprint[:16]}, seed {options.seed}."
    )
    sheet = Sheet("true_frames", "Straightened by first stages and by labels", rows, note)
    sheet.write(options.results)
    console.print(sheet.shown())


if __name__ == "__main__":
    command.run(main, Best)
