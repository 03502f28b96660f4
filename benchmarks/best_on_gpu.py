"""What the best recipe's large cascades reach on one GPU in ten minutes, under JAX.

    python benchmarks/best_on_gpu.py --data FOLDER --save faces.npz
    KERAS_BACKEND=jax python benchmarks/best_on_gpu.py --data faces.npz

The second line needs only NumPy, SciPy, OpenCV, Keras and JAX, so it also runs on a bare GPU
machine; the first writes all it needs to know of the competition's files, where the whole platform
is installed. Fits share the GPU: while one renders its next epoch on its core, others train.
Whatever is done is kept below --out, and the same command goes on from there. At the end stand the
RMSE out of fold of each member and of their mean, over all faces and on set final, and the mean's
submission.csv.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))  # on a bare machine nothing is installed

from fkd_core.data.faces import Faces
from fkd_core.data.folds import set_of, split
from fkd_core.data.kaggle import Lookup
from fkd_core.ensemble.members import Member
from fkd_core.ensemble.score import Score, score
from fkd_core.ensemble.submission import merged, requested_share, write_submission
from fkd_core.ensemble.viewer import Viewer
from fkd_core.ensemble.views import VIEWS
from fkd_core.fitting.fit import fit
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import Failed, FitResult, Stopped
from fkd_core.fitting.runtime import prepare
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.store import FitStore
from fkd_core.models.base import Architecture
from fkd_core.sources import PIPELINES, SOURCES
from search_spaces import best_recipe

Points = NDArray[np.float32]
TAUGHT = PIPELINES[best_recipe.PIPELINE]


@dataclass(frozen=True, eq=False)
class Task:
    """All that is needed of the competition's files."""

    faces: Faces
    test_images: NDArray[np.uint8]
    """[m, 96, 96]"""
    test_ids: NDArray[np.int32]
    """[m]"""
    lookup: Lookup

    def save(self, path: Path) -> None:
        """As one file."""
        arrays = {f"faces.{f.name}": getattr(self.faces, f.name) for f in fields(Faces)}
        arrays |= {f"lookup.{f.name}": getattr(self.lookup, f.name) for f in fields(Lookup)}
        arrays |= {"test_images": self.test_images, "test_ids": self.test_ids}
        np.savez_compressed(path, allow_pickle=False, **arrays)


@cache
def load(path: Path) -> Task:
    """The task of a file that ``Task.save`` wrote, or of the competition's files."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            faces = Faces(**{f.name: arrays[f"faces.{f.name}"] for f in fields(Faces)})
            lookup = Lookup(**{f.name: arrays[f"lookup.{f.name}"] for f in fields(Lookup)})
            return Task(faces, arrays["test_images"], arrays["test_ids"], lookup)
    from fkd_core.data.kaggle import load_competition

    found = load_competition(path, Path("results/cache/faces"))
    if found.test_images is None or found.test_ids is None or found.lookup is None:
        sys.exit(f"{path}: test.csv and IdLookupTable.csv are needed too")
    return Task(found.training, found.test_images, found.test_ids, found.lookup)


@dataclass(frozen=True)
class Place:
    """Where a process finds its task and keeps what it did."""

    data: Path
    out: Path

    @property
    def fits(self) -> Fits:
        """What is done."""
        return Fits(FitStore(self.out / "fits"), load(self.data).faces.fingerprint)

    def train(self, spec: FitSpec) -> str:
        """Does one fit and keeps it; says how it went."""
        begin, fits = time.monotonic(), self.fits
        before = fits.weights(spec.aligned_by) if spec.aligned_by else None
        outcome = fit(spec, load(self.data).faces, keep_weights=True, before=before)
        assert not isinstance(outcome, Stopped)  # nobody asked it to
        fits.keep(spec, outcome)
        name = f"{spec.name}, fold {spec.split.fold}"
        if isinstance(outcome, Failed):
            return f"{name}: {outcome.reason}"
        return f"{name}: {outcome.rmse:.3f} px in one view, {time.monotonic() - begin:.0f} s"

    def said(self, spec: FitSpec) -> tuple[NDArray[np.intp], Points, Points]:
        """Positions [n] of the faces that this fit held out, what it says of them [n, p, 2] and
        of the test images [m, p, 2]: means over the recipe's views."""
        task, weights = load(self.data), self.fits.weights(spec)
        assert weights is not None  # just trained
        index = split(task.faces, TAUGHT, spec.split).held_out
        shown = np.concatenate([task.faces.images[index], task.test_images])
        points = Viewer(spec, weights).said(shown, VIEWS[best_recipe.TTA["full"]]).mean(axis=0)
        return index, points[: len(index)], points[len(index) :]


def members(task: Task, chosen: argparse.Namespace, backend: str) -> list[Member]:
    """The cascades, each for all folds."""
    taught = int(task.faces.labelled(TAUGHT).sum()) * (chosen.folds - 1) // chosen.folds
    found = []
    for cascade in best_recipe.ON_GPU:
        sized = [replace(s, pictures=round(s.pictures * chosen.pictures)) for s in cascade]
        if chosen.width:
            sized = [replace(s, model=narrowed(s.model, chosen.width)) for s in sized]
        spec = best_recipe.chain(sized, taught)
        spec = spec.everywhere(backend=backend, precision=chosen.precision)
        found.append(Member(spec, folds=chosen.folds))
    return found


def narrowed(model: Architecture, width: int) -> Architecture:
    """The network with so many channels."""
    return cast(Architecture, replace(cast(Any, model), width=width))


def train(place: Place, wanted: Sequence[FitSpec], pool: ProcessPoolExecutor) -> None:
    """Does what is not done of these, each fit after the one that it is aligned by."""
    fits, begin = place.fits, time.monotonic()
    waiting = fits.lacking(wanted, weights=True)
    total, running = len(waiting), dict[Future[str], FitSpec]()
    while waiting or running:
        for spec in list(waiting):
            if spec.aligned_by is None or fits.holds(spec.aligned_by, weights=True):
                running[pool.submit(place.train, spec)] = spec
                waiting.remove(spec)
        for done in wait(running, return_when=FIRST_COMPLETED).done:
            spec, count = running.pop(done), total - len(waiting) - len(running)
            took = time.monotonic() - begin
            print(f"{took:.0f} s, {count}/{total}: {done.result()}", flush=True)
            if not isinstance(fits.get(spec), FitResult):
                sys.exit("A fit failed; what is done is kept.")


def scored(task: Task, said: Points, rows: NDArray[np.bool_]) -> Score:
    """Predictions [N, p, 2] of all faces, scored on some [N] as the competition weights them."""
    chosen = {name: rows & task.faces.labelled(PIPELINES[name]) for name in SOURCES}
    return score(
        {name: task.faces.take(np.flatnonzero(at)).targets(PIPELINES[name])
         for name, at in chosen.items()},
        {name: said[at][:, TAUGHT.of(name)] for name, at in chosen.items()},
        {name: task.faces.group[at] for name, at in chosen.items()},
        requested_share(task.lookup),
    )  # fmt: skip


def report(task: Task, said: Mapping[str, Points]) -> None:
    """The figures of each member and of their mean."""
    final = set_of(task.faces.group) == "final"
    for name, points in said.items():
        for faces, rows in (("all faces", np.ones_like(final)), ("set final", final)):
            found = scored(task, points, rows)
            whole = f"{found.whole.value:.3f} ({found.whole.low:.3f}..{found.whole.high:.3f})"
            each = ", ".join(f"{k} {v.value:.3f}" for k, v in found.pipelines.items())
            print(f"{name}, {faces}, out of fold: {whole} px; {each}")


def main() -> None:
    """Trains, predicts, scores and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, help="competition files, or a file of --save")
    add("--save", type=Path, help="write what is needed to this .npz file and stop")
    add("--out", type=Path, default=Path("results/best_on_gpu"))
    add("--folds", type=int, default=5)
    add(
        "--at-once", type=int, default=min(10, os.cpu_count() or 1), help="fits that share the GPU"
    )
    add("--pictures", type=float, default=1.0, help="share of the recipe's; errors rise below 1")
    add("--width", type=int, help="channels of all networks, in place of the recipe's")
    add("--precision", choices=["float32", "mixed_bfloat16"], default="mixed_bfloat16")
    chosen = parser.parse_args()
    if not chosen.data.exists():
        parser.error(f"--data: {chosen.data} is not there")
    if chosen.folds < 2:
        parser.error(f"--folds: {chosen.folds} is too few; give 2 or more")
    if chosen.save:
        load(chosen.data).save(chosen.save)
        return
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # processes share its memory
    backend = os.environ.get("KERAS_BACKEND", "jax")
    task, place = load(chosen.data), Place(chosen.data, chosen.out)
    asked, begin = members(task, chosen, backend), time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(chosen.at_once, context, prepare, (backend, 1)) as pool:
        train(place, [spec for member in asked for spec in member.fits], pool)
        answers = {each.name: list(pool.map(place.said, each.fits)) for each in asked}
    said, tests = dict[str, Points](), []
    for name, answer in answers.items():
        said[name] = np.full((len(task.faces), len(TAUGHT.columns), 2), np.nan, np.float32)
        for index, own, _ in answer:
            said[name][index] = own
        tests.append(np.mean([test for *_, test in answer], axis=0))
    said["mean"] = np.mean(list(said.values()), axis=0)
    report(task, said)
    mean = np.mean(tests, axis=0)
    locations = merged(
        task.lookup, task.test_ids, {name: mean[:, TAUGHT.of(name)] for name in SOURCES}
    )
    write_submission(chosen.out / "submission.csv", task.lookup, locations)
    print(f"{chosen.out / 'submission.csv'}, after {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
