"""One fit of each Level-1 model in the reference's configuration: seconds, images/s, RMSE.

    python benchmarks/fit_all_models.py --data FOLDER

Needs only NumPy, Keras and one Keras backend, so it also runs on a bare GPU machine: write the
faces there as one file first, where the whole platform is installed, and take it along:

    python benchmarks/fit_all_models.py --data FOLDER --save faces.npz
    KERAS_BACKEND=jax python benchmarks/fit_all_models.py --data faces.npz

Every line is appended to --out as soon as its fit is done, and a model that stands there under
the same setting is not fitted again. Images per second count training steps alone; what a fit
takes besides (compiling, looking at the held-out faces) is in its seconds.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # on a bare machine nothing is installed

from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split
from fkd_core.fitting.fit import fit
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.runtime import prepare
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models import MODELS
from fkd_core.sources import PIPELINES

SETTING = ("model", "pipeline", "backend", "precision", "epochs", "faces", "batch_size", "seed")
FIGURES = ("parameters", "seconds", "compile", "images_per_second", "rmse", "train_rmse", "note")
ARRAYS = tuple(field.name for field in fields(Faces))


def options() -> argparse.Namespace:
    """The command line; argparse, because a bare machine has no tyro."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path, help="competition files, or a file that --save wrote; default demo")
    add("--save", type=Path, help="write the faces to this .npz file and stop")
    add("--out", type=Path, default=Path("results/fit_all_models.csv"))
    add("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    add("--pipeline", choices=list(PIPELINES), default="complete")
    add("--epochs", type=int, default=Training().epochs)
    add("--faces", type=int, help="faces that may train; default all")
    add("--batch-size", type=int, default=Training().batch_size)
    add("--precision", choices=["float32", "mixed_bfloat16"], default="float32")
    add("--threads", type=int, default=1)
    add("--seed", type=int, default=0)
    return parser.parse_args()


def load(data: Path | None) -> Faces:
    """The faces of a file that --save wrote, or of the competition's files."""
    if data is not None and data.suffix == ".npz":
        with np.load(data, allow_pickle=False) as arrays:
            return Faces(**{name: arrays[name] for name in ARRAYS})
    from fkd_core.data.demo import demo_folder
    from fkd_core.data.kaggle import load_competition

    cache = Path("results/cache")
    return load_competition(data or demo_folder(cache / "demo"), cache / "faces").training


def figures(spec: FitSpec, faces: Faces) -> dict[str, Any]:
    """Does the fit; its figures, or why it failed."""
    begin = time.perf_counter()
    result = fit(spec, faces)
    seconds = time.perf_counter() - begin
    if not isinstance(result, FitResult):
        return {"seconds": round(seconds, 1), "note": str(result)[:200]}
    trained = result.train_faces * len(result.history["rate"])
    return {
        "parameters": result.parameters,
        "seconds": round(seconds, 1),
        "compile": round(result.seconds["compile"], 1),
        "images_per_second": round(trained / result.seconds["train"]),
        "rmse": round(result.rmse, 4),
        "train_rmse": round(result.train_rmse, 4),
    }


def main() -> None:
    """Prints one line a model."""
    chosen = options()
    faces = load(chosen.data)
    if chosen.save:
        np.savez_compressed(chosen.save, **{name: getattr(faces, name) for name in ARRAYS})
        print(f"{len(faces)} faces written to {chosen.save}")
        return
    backend: Any = os.environ.get("KERAS_BACKEND", "tensorflow")
    prepare(backend, chosen.threads)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if chosen.out.exists():
        with open(chosen.out, encoding="utf-8", newline="") as file:
            done = {tuple(row[name] for name in SETTING) for row in csv.DictReader(file)}
    for name in chosen.models:
        setting = (
            name, chosen.pipeline, backend, chosen.precision, chosen.epochs,
            chosen.faces or "all", chosen.batch_size, chosen.seed,
        )  # fmt: skip
        if tuple(map(str, setting)) in done:
            print(f"{name}: already in {chosen.out}")
            continue
        spec = FitSpec(
            MODELS[name](),
            pipeline=chosen.pipeline,
            split=Split(limit=chosen.faces),
            training=Training(chosen.epochs, chosen.batch_size),
            seed=chosen.seed,
            backend=backend,
            precision=chosen.precision,
            threads=chosen.threads,
        )
        found = figures(spec, faces)
        new = not chosen.out.exists()
        with open(chosen.out, "a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, (*SETTING, *FIGURES), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(dict(zip(SETTING, setting, strict=True)) | found)
        print(f"{name}: " + ", ".join(f"{k} {v}" for k, v in found.items()), flush=True)


if __name__ == "__main__":
    main()
