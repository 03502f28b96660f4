"""How many fits of each model share a GPU: peak memory, the share that follows, and images/s.

    python benchmarks/gpu_packing.py --data FOLDER

Every fit runs in a process of its own. One alone tells the peak of its arrays on the GPU, from
which the share follows (``fkd_core.running.sharing``). Then 1, 2, 4 and so on, up to as many as
the share allows, train side by side, each held to its share of the memory: they compile, wait for
each other, and train at once. Images per second are of all of them together, from the common
start to the end of the last. A number that fails is told and ends the model's row.

Without a GPU, peak and share stay empty and --most fits, 2 by default, train side by side on CPUs.
Like fit_all_models.py, this runs on a bare GPU machine; faces.npz is what that one writes:

    KERAS_BACKEND=jax python benchmarks/gpu_packing.py --data faces.npz

Every line is appended to --out as soon as it is measured.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from fit_all_models import load

sys.path.insert(0, str(Path(__file__).parents[1]))  # on a bare machine nothing is installed

from fkd_core.data.folds import Split
from fkd_core.fitting import runtime
from fkd_core.fitting.fit import fit
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models import MODELS
from fkd_core.running.sharing import MOST, share_for

COLUMNS = (
    "model", "backend", "precision", "epochs", "faces", "batch_size", "gpu_bytes", "share",
    "together", "images_per_second", "note",
)  # fmt: skip


def options() -> argparse.Namespace:
    """The command line; argparse, because a bare machine has no tyro."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path, help="competition files, or faces.npz; default demo")
    add("--out", type=Path, default=Path("results/gpu_packing.csv"))
    add("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    add("--epochs", type=int, default=5, help="of the fit that is timed")
    add("--faces", type=int, help="faces that may train; default all")
    add("--batch-size", type=int, default=Training().batch_size)
    add("--precision", choices=["float32", "mixed_bfloat16"], default="float32")
    add("--most", type=int, help="fits side by side, at most; default what the share allows")
    add("--one-fit", help=argparse.SUPPRESS)  # a child: the model
    add("--gpus", type=float, default=0.0, help=argparse.SUPPRESS)  # a child: its share
    return parser.parse_args()


def one_fit(chosen: argparse.Namespace) -> None:
    """In a child: compiles, says so, waits for a line, trains, and tells what it took, as JSON."""
    talk, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    faces = load(chosen.data)
    runtime.share_gpu(chosen.gpus)
    spec = FitSpec(
        MODELS[chosen.one_fit](),
        split=Split(limit=chosen.faces),
        training=Training(1, chosen.batch_size),
        backend=os.environ.get("KERAS_BACKEND", "tensorflow"),  # type: ignore[arg-type]
        precision=chosen.precision,
    )
    warm = fit(spec, faces)
    tell(talk, {"failed": None if isinstance(warm, FitResult) else str(warm)})
    sys.stdin.readline()
    result = fit(replace(spec, training=Training(chosen.epochs, chosen.batch_size)), faces)
    if isinstance(result, FitResult):
        shown = result.train_faces * len(result.history["rate"])
        tell(talk, {"failed": None, "images": shown, "gpu_bytes": result.gpu_bytes})
    else:
        tell(talk, {"failed": str(result)})


def tell(talk: IO[str], said: dict[str, Any]) -> None:
    """One line to the parent."""
    talk.write(json.dumps(said) + "\n")
    talk.flush()


class FailedError(Exception):
    """A fit did not end well. The message says how."""


def side_by_side(model: str, together: int, share: float) -> tuple[float, int]:
    """Images per second of so many fits at once, and the largest peak, in bytes, among them."""
    command = [sys.executable, *sys.argv, "--one-fit", model, "--gpus", str(share)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(together)
    ]
    try:
        heard(children)
        begin = time.perf_counter()
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        told = heard(children)
        seconds = time.perf_counter() - begin
    finally:
        for child in children:
            child.kill()
            child.communicate()
    images = sum(each["images"] for each in told)
    return images / seconds, max(each["gpu_bytes"] for each in told)


def heard(children: Sequence[subprocess.Popen[str]]) -> list[dict[str, Any]]:
    """The next line of every child. Raises FailedError where one failed or died."""
    told = []
    for child in children:
        assert child.stdout is not None
        line = child.stdout.readline()
        said = json.loads(line) if line else {"failed": "its process died"}
        if said["failed"]:
            raise FailedError(said["failed"][:200])
        told.append(said)
    return told


def main() -> None:
    """Prints one line a model and number of fits."""
    chosen = options()
    if chosen.one_fit:
        one_fit(chosen)
        return
    total = runtime.gpu_total_bytes()
    if total is None:
        print("There is no GPU here (nvidia-smi knows none): fits share CPUs, without a peak.")
    else:
        print(f"A GPU of {total / 2**30:.1f} GiB.")
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    new = not chosen.out.exists()
    with open(chosen.out, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        for model in chosen.models:
            for row in rows(model, total, chosen.most):
                writer.writerow(setting(chosen) | row)
                file.flush()
                print(", ".join(f"{k} {v}" for k, v in row.items() if v != ""), flush=True)


def setting(chosen: argparse.Namespace) -> dict[str, Any]:
    """What a line was measured under."""
    return {
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "precision": chosen.precision,
        "epochs": chosen.epochs,
        "faces": chosen.faces or "all",
        "batch_size": chosen.batch_size,
    }


def rows(model: str, total: int | None, most: int | None) -> Iterator[dict[str, Any]]:
    """One row for every number of fits that is tried, one fit first."""
    known: dict[str, Any] = {"model": model}
    together = 1
    try:
        rate, peak = side_by_side(model, 1, 0.0)
        share = share_for(peak, total) if total and peak else None
        known |= {"gpu_bytes": peak or "", "share": share or ""}
        yield known | {"together": 1, "images_per_second": round(rate)}
        limit = min(most or MOST, round(1 / share)) if share else (most or 2)
        for together in sorted({n for n in (2, 4, 8) if n < limit} | {limit} - {1}):
            rate, _ = side_by_side(model, together, 1 / together if share else 0.0)
            yield known | {"together": together, "images_per_second": round(rate)}
    except FailedError as failure:
        yield known | {"together": together, "note": str(failure)}


if __name__ == "__main__":
    main()
