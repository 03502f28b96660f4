"""Finds the keypoints of every face in anybody's photos, with the ensemble.

    python experiments/predict.py photo.jpg holiday/ --ensemble results/ensemble

1. Find: the faces of each photo, upright or turned, of any size; a picture of exactly 96 x 96
   pixels is taken as a face as it is.
2. Predict: each face is cropped like the training faces and predicted, cropped anew by its
   predicted eyes and mouth, and predicted again.
3. Draw: <name>-keypoints.png for each photo with a face, keypoints.csv and keypoints.json.

Image files, films (their first frame) and folders of both are taken; what cannot be read is named
and left out. To take one model elsewhere, with no photo:  --export onnx
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from fkd_core import command
from fkd_core.command import console
from fkd_core.ensemble.predictor import Predictor
from fkd_core.errors import UserError
from fkd_core.files import write_text
from fkd_core.photos.detector import SMALLEST
from fkd_core.photos.faces import Face, faces_of, photo_files, read_batches, read_photo
from fkd_core.photos.overlay import drawn, listing, picture_names, table, write_drawn
from fkd_core.sources import SOURCES


@dataclass(frozen=True)
class PredictOptions:
    """Options of this experiment."""

    photos: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Image files, films, or folders of them."""
    ensemble: Path = Path("results/ensemble")
    """Folder that build_ensemble.py wrote."""
    out: Path = Path("results/predictions")
    """Folder for everything that is written."""
    pipeline: str | None = None
    """In whose style: complete with 15 keypoints, or partial with 4; without it the former where
    the ensemble has it."""
    export: Literal["onnx", "tflite", "savedmodel"] | None = None
    """Write one model of the ensemble in this format, and predict nothing."""
    model: str | None = None
    """The model to export; without it the ensemble's first."""

    def check(self) -> None:
        """Raises UserError where there is nothing to do, or a path is not there or no folder."""
        if not self.photos and not self.export:
            raise UserError("no photo is named; give image files or folders")
        for path in self.photos:
            if not path.exists():
                raise UserError(f"{path} is not there; give image files or folders")
        if self.out.exists() and not self.out.is_dir():
            raise UserError(f"--out: {self.out} is no folder; give another")


def main(options: PredictOptions) -> None:
    """Find the keypoints of every face in photos, and draw them."""
    predictor = Predictor.load(options.ensemble)
    name = options.pipeline or min(predictor.pipelines, key=[*SOURCES].index)
    if name not in predictor.pipelines:
        known = ", ".join(predictor.pipelines)
        raise UserError(f"--pipeline: {options.ensemble} has no {name}, only {known}")
    if options.export:
        from fkd_core.ensemble.export import export

        out = options.out / f"{options.model or 'model'}-{name}.{options.export}"
        say(str(export(options.ensemble, options.export, out, name, options.model)))
        return
    files = photo_files(options.photos, options.out)
    names, source = picture_names(files), SOURCES[name]
    found: dict[Path, list[Face]] = {}
    for batch in read_batches(files, say):
        faces = faces_of([*batch.values()], lambda crops: predictor.predict(crops, name), source)
        for (file, photo), own in zip(batch.items(), faces, strict=True):
            found[file] = own
            if own:
                write_drawn(options.out / names[file], drawn(read_photo(file), own, source))
                many = f"{len(own)} face{'s' * (len(own) > 1)}"
                say(f"{file}: {many}, drawn in {options.out / names[file]}")
            elif min(photo.shape) < SMALLEST:
                say(f"{file}: too small to find a face in, under {SMALLEST} pixels a side")
            else:
                say(f"{file}: no face found")
    if not found:
        raise UserError(f"none of the {len(files)} files could be read; give image files")
    write_text(options.out / "keypoints.csv", table(found, source))
    write_text(options.out / "keypoints.json", listing(found, names, source))
    count = sum(map(len, found.values())) or "none"
    say(f"Photos read: {len(found)}. Faces found: {count}. Tables: keypoints.* in {options.out}")


def say(line: str) -> None:
    """Prints a line as it is, whatever brackets a file's name has."""
    console.print(line, markup=False, soft_wrap=True)


if __name__ == "__main__":
    command.run(main, PredictOptions)
