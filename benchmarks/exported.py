"""What a model costs and errs by on a phone: exported to TensorFlow Lite, in one thread.

    python experiments/build_ensemble.py --data FOLDER --recipe best --preset full --refits 0
    python benchmarks/exported.py --data FOLDER

Each form is written, read back and asked about the faces that its fit held out, one at a time.
Size is that of one annotator's file, time the median of a call.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from held_back import console, finished, unseen
from numpy.typing import NDArray

from fkd_core import command
from fkd_core.ensemble.export import export
from fkd_core.ensemble.predictor import Predictor
from fkd_core.errors import UserError
from fkd_core.evidence import Pool
from fkd_core.report.sheet import Sheet
from fkd_core.runs import run_of
from fkd_core.sources import PIPELINES


@dataclass(frozen=True)
class Exported:
    """Options of this benchmark."""

    data: Path | None = None
    """The competition's files; without it, the demo faces."""
    results: Path = Path("results")
    """Folder of the runs."""
    run: str | None = None
    """Name of the run; without it, this data's."""
    model: str | None = None
    """The model; without it, the ensemble's first."""

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""
        run_of(self.results, self.data, self.run)


def asked(path: Path, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """What the model says of images [n, 96, 96], [n, 2p] px, and the median of its calls, ms."""
    import tensorflow as tf

    with warnings.catch_warnings():  # that the interpreter will be a package of its own
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    gray, pixels = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    said, took = [], []
    for image in images:
        began = time.perf_counter()
        interpreter.set_tensor(gray["index"], image[None, ..., None].astype(np.float32))
        interpreter.invoke()
        said.append(interpreter.get_tensor(pixels["index"])[0])
        took.append(time.perf_counter() - began)
    return np.stack(said), 1e3 * float(np.median(took))


def main(options: Exported) -> None:
    """Say what exported models cost and err by."""
    cache = options.results / "cache"
    run, _, faces = finished(options.results, options.data, options.run, cache)
    predictor = Predictor.load(run.ensemble)
    rows = list[dict[str, Any]]()
    for source in predictor.pipelines:
        members = {member.name: member for member in predictor.half(source).members}
        name = options.model or next(iter(members))
        if name not in members:
            raise UserError(f"--model: {source} has no {name}, only {', '.join(members)}")
        held_out = unseen(members[name].spec, faces)
        own = held_out.take(np.flatnonzero(held_out.of_mask(PIPELINES[source])))
        truth = own.targets(PIPELINES[source])
        for kind in ("tflite", "tflite16"):
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "model"
                path = export(run.ensemble, kind, out, source, name, say=lambda line: None)
                said, milliseconds = asked(path, own.images)
                size = path.stat().st_size
            pool = Pool.of_points(said.reshape(truth.shape), truth, own.group)
            rows.append(
                {
                    "model": name,
                    "annotator": source,
                    "form": kind,
                    "MB": size / 1e6,
                    "ms a face": milliseconds,
                    "faces": len(own),
                    "RMSE": float(np.sqrt(pool.mse)),
                }
            )
    note = "px, the fit's held-out faces; mean of each and its mirror picture; one thread."
    sheet = Sheet("exported", "Exported models", rows, note)
    sheet.write(run.ensemble)
    console.print(sheet.shown())


if __name__ == "__main__":
    command.run(main, Exported)
