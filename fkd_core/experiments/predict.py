"""Finds the keypoints of every face in anybody's photos, with the ensemble.

    python experiments/predict.py photo.jpg holiday/

1. Find: the faces of each photo, upright or turned, of any size; a picture of exactly 96 x 96
   pixels is taken as a face as it is.
2. Predict: each face is cropped like the training faces and predicted, cropped anew by its
   predicted eyes and mouth, and predicted again.
3. Draw: <name>-keypoints.png for each photo with a face, keypoints.csv and keypoints.json.

Image files of any name, films (their first frame, or --every so many) and folders of both are
taken, and - is standard input; what cannot be read is named and left out. A run that was stopped
goes on where it was. To take one model elsewhere, with no photo:  --export onnx
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import tyro

from fkd_core import needs
from fkd_core.data.archive import sha256_of
from fkd_core.ensemble.predictor import MANIFEST, Predictor
from fkd_core.errors import UserError
from fkd_core.files import address_in, write_text
from fkd_core.findings.provenance import made
from fkd_core.needs import Need
from fkd_core.photos.annotating import Annotator
from fkd_core.photos.detector import SURE
from fkd_core.photos.reading import STANDARD_INPUT, listed
from fkd_core.photos.records import Journal, Record, listing, picture_stems, table
from fkd_core.reach import CODE
from fkd_core.runs import Run, run_of, runs_in
from fkd_core.sources import SOURCES
from fkd_core.terminal import Doing, say


@dataclass(frozen=True)
class PredictOptions:
    """Options of this experiment."""

    photos: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Image files, films, or folders of them."""
    results: Path = Path("results")
    """Folder that build_ensemble.py wrote to."""
    run: str | None = None
    """Whose ensemble: the run's name; without it, the ensemble that was built last."""
    ensemble: Path | None = None
    """Folder of an ensemble that lies elsewhere, in place of a run's."""
    out: Path | None = None
    """Folder for everything that is written; without it, predictions beside the ensemble."""
    pipeline: str | None = None
    """In whose style: complete with 15 keypoints, or partial with 4; without it the former where
    the ensemble has it."""
    sure: float = SURE
    """How sure the detector must be of a face, 0 to 1; a lower one finds more, and more that are
    none."""
    every: int | None = None
    """Every so many frames of a film are shown; without it, its first."""
    export: Literal["onnx", "tflite", "tflite16", "savedmodel"] | None = None
    """Write one model of the ensemble in this format, and predict nothing; tflite16 is half as
    large, for phones."""
    model: str | None = None
    """The model to export; without it the ensemble's first."""

    EXAMPLES: ClassVar = (
        "photo.jpg holiday/",
        "--export onnx",
    )

    @property
    def needs(self) -> list[Need]:
        """What must be there besides files."""
        return [*needs.export(self.export), *([] if self.export else [needs.detector()])]

    def check(self) -> None:
        """Raises UserError where there is nothing to do, or a path is not there or no folder."""
        if not self.photos and not self.export:
            raise UserError("no photo is named; give image files or folders")
        for path in self.photos:
            if address := address_in(path):
                raise UserError(f"{address} is an address, which is not read; download it")
            if not path.exists() and path != STANDARD_INPUT:
                raise UserError(f"{path} is not there; give image files or folders")
        if not 0 < self.sure < 1:
            raise UserError(f"--sure: {self.sure:g} is not between 0 and 1")
        if self.every is not None and self.every < 1:
            raise UserError(f"--every: {self.every} is no number of frames; give 1 or more")
        if self.out is not None and self.out.exists() and not self.out.is_dir():
            raise UserError(f"--out: {self.out} is no folder; give another")
        if self.run is not None and self.ensemble is not None:
            raise UserError("--run and --ensemble: each names an ensemble; give one of them")

    def chosen(self) -> Path:
        """Folder of the ensemble: the one that is named, or the one that was built last."""
        if self.ensemble is not None:
            return self.ensemble
        built = built_ensembles(self.results)
        if self.run is not None:
            run = run_of(self.results, None, self.run)
            if run not in built:
                there = ", ".join(run.name for run in built) or "none"
                raise UserError(f"--run: {run.folder} holds no finished ensemble; runs: {there}")
            return run.ensemble
        if not built:
            raise UserError(
                f"no ensemble in {self.results}; build one with experiments/build_ensemble.py, or "
                "name its folder with --ensemble"
            )
        others = ", ".join(run.name for run in built[1:])
        more = f", the one built last; --run takes another: {others}" if others else ""
        say(f"Ensemble: {built[0].ensemble}{more}")
        return built[0].ensemble


def main(options: PredictOptions) -> None:
    """Find the keypoints of every face in photos, and draw them."""
    ensemble = options.chosen()
    out = options.out or ensemble.parent / "predictions"
    needs.check([needs.writable(out, "--out"), needs.room(out, needs.PASSING_ROOM, "--out")])
    predictor = Predictor.load(ensemble)
    say(f"The ensemble was built {made(predictor.made_by)}.")
    name = options.pipeline or predictor.pipeline
    if name not in predictor.pipelines:
        known = ", ".join(predictor.pipelines)
        raise UserError(f"--pipeline: {ensemble} has no {name}, only {known}")
    if options.export:
        from fkd_core.ensemble.export import KINDS, export

        file = out / f"{options.model or 'model'}-{name}.{KINDS[options.export].ending}"
        with Doing() as doing:
            export(
                ensemble, options.export, file, name, options.model, say=doing.say, step=doing.step
            )
        return
    found = listed(options.photos, out)
    for line in found.left_out:
        say(line)
    source, stems = SOURCES[name], picture_stems(found.files)
    way = {
        "ensemble": sha256_of(ensemble / MANIFEST),
        "style": name,
        "sure": options.sure,
        "code": CODE.version({"fkd_core.photos.annotating", "fkd_core.ensemble.predictor"}),
    }
    journal = Journal(out, way)
    records: list[Record] = []
    try:
        with Doing() as doing:
            annotator = Annotator(
                lambda crops: predictor.predict(crops, name),
                *(source, out, journal, options.sure, options.every, doing.say, doing.step),
            )
            for record in annotator.run(stems):
                records.append(record)
    finally:
        write_text(out / "keypoints.csv", table(records, source))
        write_text(out / "keypoints.json", listing(records, source))
    if not records:
        raise UserError(f"none of the {len(stems)} files could be read; give image files")
    count = sum(len(record.faces) for record in records) or "none"
    say(f"Photos read: {len(records)}. Faces found: {count}. Tables: keypoints.* in {out}")
    say(f"All points are in the style of {name}'s annotator.")


def built_ensembles(results: Path) -> list[Run]:
    """The runs that hold a finished ensemble, the one built last first."""
    manifests = {run: run.ensemble / MANIFEST for run in runs_in(results)}
    built = {run: path.stat().st_mtime for run, path in manifests.items() if path.is_file()}
    return sorted(built, key=lambda run: -built[run])
