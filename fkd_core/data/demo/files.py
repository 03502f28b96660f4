"""A whole competition in miniature: which faces, whose labels, which mistakes; and its files.

Rows of the complete source come first, as in the competition's training.csv. Every row is
drawn from (seed, row), whatever the other rows are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.demo.labels import WRONG, complete_labels, lose, mistaken, partial_labels
from fkd_core.data.demo.render import jpeg, render
from fkd_core.data.demo.shape import Array, Head, sample_head
from fkd_core.files import whole_file, write_text
from fkd_core.keypoints import COLUMNS
from fkd_core.sources import PARTIAL

COMPLETE_SHARE = 0.347
"""Share of rows that the 15-point annotator labelled."""
OTHER_COUNTS: tuple[int, ...] = (14, 13, 14, 12, 14, 14, 13, 14, 11, 14)
"""Numbers of points in the complete source's rows with gaps, in turn."""
FILES = ("training.csv", "test.csv", "IdLookupTable.csv", "SampleSubmission.csv", "demo_truth.csv")
FINISHED = "demo.json"
"""Written last: says which set the folder holds."""
_TRAIN, _TEST, _LABELS = 0, 1, 2  # streams of the random generator
_VERSION = hashlib.sha256(
    b"".join(p.read_bytes() for p in sorted(Path(__file__).parent.glob("*.py")))
).hexdigest()
_DIGITS = np.array([list(f"{value} ".ljust(4).encode()) for value in range(256)], dtype=np.uint8)
_USED = np.arange(4) <= np.array([len(str(value)) for value in range(256)])[:, None]


@dataclass(frozen=True, eq=False)
class Demo:
    """A training set and its mistakes, before it is written."""

    images: NDArray[np.uint8]
    """[N, 96, 96]."""
    labels: Array
    """[N, 15, 2] as training.csv gives them, mistakes included; NaN where missing."""
    meant: Array
    """[N, 15, 2] without the mistakes."""
    true: Array
    """[N, 15, 2] where the drawn features lie, free of any annotator's style or error."""
    wrong: dict[int, str]
    """0-based row to kind of mistake."""


def _head(seed: int, stream: int, face: int, loose: bool) -> tuple[Head, NDArray[np.uint8]]:
    rng = np.random.default_rng([seed, stream, face])
    head = sample_head(rng, loose)
    return head, render(head, rng)


def _portions(training: int) -> tuple[int, int, int]:
    """Rows of the complete source, rows with gaps in it and in the other source."""
    complete = round(training * COMPLETE_SHARE)
    return complete, max(2, round(training * 0.016)), max(1, round(training * 0.004))


def _twins(training: int, complete: int) -> list[tuple[int, int, bool]]:
    """(row, row it repeats, exactly?): within each source, and across the two."""
    each = max(1, round(training * 0.004))
    spots = [(0, 0), (complete, complete), (complete, 0)]  # where the copies and originals are
    twins = []
    for place, (copies, originals) in enumerate(spots):
        for k in range(2 * each):
            offset = 1 + place * 4 * each + 2 * k  # apart from each other and from all others'
            twins.append((copies + offset, originals + offset + 1, k < each))
    return twins


def make_training(training: int, seed: int) -> Demo:
    """Draws and labels a training set. Raises ValueError below 60 rows."""
    if training < 60:
        raise ValueError(f"training is {training}: the demo needs at least 60 rows")
    complete, gaps, partial_gaps = _portions(training)
    rng = np.random.default_rng([seed, _LABELS])
    drawn = [_head(seed, _TRAIN, row, row >= complete) for row in range(training)]
    for row, original, exact in _twins(training, complete):
        head, image = drawn[original]
        drawn[row] = (head, image if exact else _again(image, rng))
    heads = [head for head, _ in drawn]
    meant = np.stack(
        [
            (complete_labels if row < complete else partial_labels)(head, rng)
            for row, head in enumerate(heads)
        ]
    )
    for k, row in enumerate(rng.choice(complete, gaps, replace=False)):
        meant[row] = lose(meant[row], OTHER_COUNTS[k % len(OTHER_COUNTS)], rng)
    for row in rng.choice(np.arange(complete, training), partial_gaps, replace=False):
        meant[row] = lose(meant[row], 3, rng)
    labels, wrong = meant.copy(), {}
    for k, row in enumerate(_wrong_rows(training, complete, rng)):
        same_source = np.arange(complete) if row < complete else np.arange(complete, training)
        apart = np.abs(meant[same_source] - meant[row])
        far = np.where(np.isnan(apart), 0.0, apart).mean(axis=(1, 2))
        whole = np.isfinite(meant[same_source]).sum(axis=(1, 2)) >= (30 if row < complete else 8)
        ranked = same_source[whole][np.argsort(far[whole])]
        other = meant[ranked[len(ranked) * 3 // 4]]  # neither alike nor the strangest of all
        wrong[int(row)] = WRONG[k % len(WRONG)]
        labels[row] = mistaken(meant[row], wrong[int(row)], other, rng)
    true = np.stack([head.points for head in heads])
    return Demo(np.stack([image for _, image in drawn]), labels, meant, true, wrong)


def _wrong_rows(training: int, complete: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A few rows of each source, none of them a twin's."""
    twins = {row for a, b, _ in _twins(training, complete) for row in (a, b)}
    few = max(4, round(training * 0.004))
    free = np.array([row for row in range(training) if row not in twins])
    parts = [free[free < complete], free[free >= complete]]
    return np.concatenate([rng.choice(part, few, replace=False) for part in parts])


def _again(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The same photograph saved once more: a little brighter or darker, and as JPEG."""
    changed = image * rng.uniform(0.94, 1.06) + rng.normal(0.0, 1.5, image.shape)
    return jpeg(np.clip(np.round(changed), 0, 255).astype(np.uint8), int(rng.integers(60, 95)))


def _cells(labels: Array) -> str:
    return ",".join("" if np.isnan(value) else f"{value:.3f}" for value in labels.ravel())


def _write_table(path: Path, header: str, rows: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
    with whole_file(path) as aside, open(aside, "wb") as file:
        file.write(f"{header}\n".encode())
        for start, image in rows:
            pixels = image.ravel()
            text = _DIGITS[pixels][_USED[pixels]][:-1].tobytes()  # each with a space after it
            file.write(start.encode() + b"," + text + b"\n")


def _write_requests(folder: Path, test: int, seed: int) -> None:
    """IdLookupTable.csv and SampleSubmission.csv; the first third is asked for all points."""
    rng = np.random.default_rng([seed, _LABELS, 1])
    lookup, sample = ["RowId,ImageId,FeatureName,Location"], ["RowId,Location"]
    complete = round(test / 3)
    partial = [name for point in PARTIAL.keypoints for name in COLUMNS[2 * point : 2 * point + 2]]
    for image in range(1, test + 1):
        names = list(COLUMNS) if image <= complete else partial
        if image <= complete and rng.random() < 0.06:  # some points cannot be seen
            gone = rng.choice(np.arange(2, 10), int(rng.integers(1, 4)), replace=False)
            names = [name for k, name in enumerate(COLUMNS) if k // 2 not in gone]
        for name in names:
            row = len(sample)
            lookup.append(f"{row},{image},{name},")
            sample.append(f"{row},0")
    write_text(folder / "IdLookupTable.csv", "\n".join(lookup) + "\n")
    write_text(folder / "SampleSubmission.csv", "\n".join(sample) + "\n")


def _is_finished(folder: Path, wanted: dict[str, object]) -> bool:
    try:
        found = json.loads((folder / FINISHED).read_text(encoding="utf-8"))
        sizes = {name: (folder / name).stat().st_size for name in FILES}
    except (OSError, ValueError):
        return False
    return bool(found == {**wanted, "bytes": sizes})


def _wanted(training: int = 1500, test: int = 200, seed: int = 0) -> dict[str, object]:
    """What a finished set says of itself, but for the bytes."""
    return {"training": training, "test": test, "seed": seed, "version": _VERSION}


def write_demo(folder: Path, training: int = 1500, test: int = 200, seed: int = 0) -> None:
    """Writes training.csv, test.csv, IdLookupTable.csv, SampleSubmission.csv, demo_truth.csv.

    The competition's own format; demo_truth.csv lists the wrong labels: row (1-based data row
    of training.csv), wrong (which mistake), and the 30 coordinates the annotator meant. Equal
    arguments give equal bytes. Does nothing where the folder holds the finished set already.
    Raises ValueError for training < 60 or test < 3.
    """
    if test < 3:
        raise ValueError(f"test is {test}: the demo needs at least 3 test images")
    wanted = _wanted(training, test, seed)
    if _is_finished(folder, wanted):
        return
    demo = make_training(training, seed)
    (folder / FINISHED).unlink(missing_ok=True)  # from here on, unfinished
    labels = (_cells(row) for row in demo.labels)
    header = ",".join(COLUMNS)
    _write_table(folder / "training.csv", f"{header},Image", zip(labels, demo.images, strict=True))
    complete = round(test / 3)
    faces = ((str(n + 1), _head(seed, _TEST, n, n >= complete)[1]) for n in range(test))
    _write_table(folder / "test.csv", "ImageId,Image", faces)
    _write_requests(folder, test, seed)
    truth = [f"row,wrong,{header}"]
    truth += [f"{row + 1},{kind},{_cells(demo.meant[row])}" for row, kind in demo.wrong.items()]
    write_text(folder / "demo_truth.csv", "\n".join(truth) + "\n")
    sizes = {name: (folder / name).stat().st_size for name in FILES}
    write_text(folder / FINISHED, json.dumps({**wanted, "bytes": sizes}))


def demo_folder(cache: Path) -> Path:
    """The folder below `cache` with the default demo set, written if need be (seconds)."""
    folder = _folder(cache)
    write_demo(folder)
    return folder


def is_drawn(cache: Path) -> bool:
    """Whether ``demo_folder`` has nothing to write."""
    return _is_finished(_folder(cache), _wanted())


def _folder(cache: Path) -> Path:
    return cache / f"demo-{_VERSION[:12]}"
