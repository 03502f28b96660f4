"""Reading the competition's files: cold (parse, check, clean, cache) and warm, against bare NumPy.

    python benchmarks/load_faces.py --data FOLDER

The bare loop reads the same training file and does nothing but ``np.fromstring`` on every row's
pixels. Both are run alternately, each in turn, and their medians shown; cold also reads
every other file of the competition unless `--training-only` is given.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tyro

from fkd_core.data.archive import TRAINING, Stored
from fkd_core.data.kaggle import load_competition
from fkd_core.data.locating import find


@dataclass(frozen=True)
class Options:
    """Options of this benchmark."""

    data: Path
    """Folder with training.csv, plain or zipped."""
    repeats: int = 3
    """Runs of each."""
    training_only: bool = False
    """Read training.csv alone, as the bare loop does."""


def bare(stored: Stored) -> int:
    """Rows of the training file, each row's pixels read by NumPy and forgotten."""
    rows = 0
    with ExitStack() as stack:
        if stored.members:
            archive = stack.enter_context(zipfile.ZipFile(stored.container))
            lines = stack.enter_context(archive.open(stored.members[0]))
        else:
            lines = stack.enter_context(open(stored.container, "rb"))
        next(lines)
        for line in lines:
            np.fromstring(line[line.rindex(b",") + 1 :], dtype=np.uint8, sep=" ")
            rows += 1
    return rows


def seconds(task: Callable[[], object]) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    task()
    return time.perf_counter() - begin


def main(options: Options) -> None:
    """Prints one line a kind of reading."""
    warnings.simplefilter("ignore", DeprecationWarning)
    stored = find(options.data).files[TRAINING]
    times: dict[str, list[float]] = {"bare": [], "cold": [], "warm": []}
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as scratch:
            data, cache = options.data, Path(scratch) / "cache"
            if options.training_only:
                data = Path(scratch) / "data"
                data.mkdir()
                (data / stored.container.name).symlink_to(stored.container.resolve())
            times["bare"].append(seconds(partial(bare, stored)))
            times["cold"].append(seconds(partial(load_competition, data, cache)))
            times["warm"].append(seconds(partial(load_competition, data, cache)))
    for name, each in times.items():
        runs = ", ".join(f"{s:.2f}" for s in each)
        print(f"{name}  {statistics.median(each):6.3f} s   ({runs})")
    ratio = statistics.median(times["cold"]) / statistics.median(times["bare"])
    print(f"cold / bare  {ratio:.2f}")


if __name__ == "__main__":
    main(tyro.cli(Options))
