"""How many photographs are found again in another crop, and which are claimed that nobody planted.

    python benchmarks/find_duplicates.py --data FOLDER

Other crops of some faces (moved 2 to 8 px, zoomed up to 1.1 times, turned up to 10 degrees,
mirrored, all of it) are planted among all training and test images, each in another light and
with fewer gray levels. Found is a crop that comes into the group of its original. Pairs that are
claimed among images that were not planted are drawn, least alike first, for you to judge:
the competition's data and others' do hold photographs twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from held_back import console
from numpy.typing import NDArray

from fkd_core import command
from fkd_core.data.demo import demo_folder
from fkd_core.data.duplicates import Pairs, pairs
from fkd_core.data.grouping import LIKENESS, clusters, digests
from fkd_core.data.kaggle import load_competition
from fkd_core.errors import UserError
from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.report.sheet import Sheet
from fkd_core.shared_options import check_seed

Images = NDArray[np.uint8]

KINDS = ("moved", "zoomed", "turned", "mirrored", "all of it")
_CENTRE = (IMAGE_SIZE - 1) / 2


@dataclass(frozen=True)
class Finding:
    """Options of this benchmark."""

    data: Path | None = None
    """The competition's files; without it, the demo faces."""
    results: Path = Path("results/find_duplicates")
    """Folder for the tables, the pictures of pairs, and what is read once."""
    plants: int = 100
    """Faces of which crops of each kind are planted."""
    pictures: int = 100
    """Claimed pairs that are drawn."""
    seed: int = 0
    """Of the crops."""

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""
        check_seed(self.seed)
        if self.plants < 1 or self.pictures < 0:
            raise UserError("--plants and --pictures: give 1 or more, and 0 or more")


def crop(face: Images, kind: str, rng: np.random.Generator) -> Images:
    """A face [96, 96] as another program might have cut it from its photograph."""
    turn = zoom = 0.0
    shift = np.zeros(2)
    if kind in ("moved", "all of it"):
        way = rng.uniform(0, 2 * np.pi)
        shift = rng.uniform(2, 8) * np.array([np.cos(way), np.sin(way)])
    if kind in ("zoomed", "all of it"):
        zoom = rng.uniform(-1, 1)
    if kind in ("turned", "all of it"):
        turn = rng.uniform(-10, 10)
    matrix = cv2.getRotationMatrix2D((_CENTRE, _CENTRE), turn, 1.1**zoom)
    matrix[:, 2] += shift
    cut = cv2.warpAffine(
        face, matrix, face.shape, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    if kind == "mirrored" or (kind == "all of it" and rng.random() < 0.5):
        cut = cut[:, ::-1]
    light = cut * rng.uniform(0.8, 1.2) + rng.uniform(-20, 20)
    grain = rng.choice([1, 2, 4, 8])
    return np.asarray(np.clip(np.round(light / grain) * grain, 0, 255), np.uint8)


def drawn(images: Images, claimed: Pairs, columns: int = 6) -> Images:
    """Both images of each pair side by side, and its likeness."""
    cells = []
    for left, right, likeness in zip(claimed.left, claimed.right, claimed.likeness, strict=True):
        cell = np.full((IMAGE_SIZE + 12, 2 * IMAGE_SIZE + 6), 255, np.uint8)
        cell[12:, : 2 * IMAGE_SIZE] = np.concatenate([images[left], images[right]], axis=1)
        where, font = (2, 10), cv2.FONT_HERSHEY_SIMPLEX
        cells.append(cv2.putText(cell, f"{likeness:.3f}", where, font, 0.35, 0, 1))
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    lines = [np.hstack(cells[at : at + columns]) for at in range(0, len(cells), columns)]
    return np.asarray(np.vstack(lines), np.uint8)


def claims(found: Pairs, rest: int, names: Sequence[str]) -> tuple[Pairs, list[dict[str, object]]]:
    """Pairs among the first images, least alike first, and their rows for a table."""
    own = np.flatnonzero(found.right < rest)
    own = own[np.argsort(found.likeness[own], kind="stable")]
    mine = Pairs(found.left[own], found.right[own], found.likeness[own])
    rows: list[dict[str, object]] = [
        {"one": names[one], "other": names[other], "likeness": round(float(likeness), 4)}
        for one, other, likeness in zip(mine.left, mine.right, mine.likeness, strict=True)
    ]
    return mine, rows


def main(options: Finding) -> None:
    """Plant crops, look for them, and count."""
    data = options.data or demo_folder(options.results / "cache" / "demo")
    loaded = load_competition(data, options.results / "cache" / "faces")
    images, names = loaded.training.images, [f"row {n}" for n in loaded.training.row.tolist()]
    if loaded.test_images is not None and loaded.test_ids is not None:
        images = np.concatenate([images, loaded.test_images])
        names += [f"test image {n}" for n in loaded.test_ids.tolist()]
    different = np.sort(np.unique(digests(images), axis=0, return_index=True)[1])
    images, names = images[different], [names[n] for n in different.tolist()]
    rest = len(images)
    if options.plants * len(KINDS) > rest:
        raise UserError(f"--plants: {rest} images allow {rest // len(KINDS)} of each kind")
    rng = np.random.default_rng(options.seed)
    planted = rng.choice(rest, options.plants * len(KINDS), replace=False)
    crops = [crop(images[face], KINDS[k % len(KINDS)], rng) for k, face in enumerate(planted)]
    everything = np.concatenate([images, np.stack(crops)])
    began = time.process_time()
    found = pairs(everything, LIKENESS)
    seconds = time.process_time() - began
    cluster = clusters(found, len(everything))
    hit = cluster[rest:] == cluster[planted]
    rows: list[dict[str, object]] = [
        {
            "kind": kind,
            "planted": options.plants,
            "found": float(hit[k :: len(KINDS)].mean()),
        }
        for k, kind in enumerate(KINDS)
    ]
    mine, claimed = claims(found, rest, names)
    note = (
        f"{hit.mean():.3f} of {len(planted)} crops found among {len(everything):,} images in "
        f"{seconds:.1f} s of CPU; {len(claimed)} pairs claimed among those that were not planted."
    )
    if claimed:
        Sheet("pairs", "Claimed", claimed).write(options.results)
    if claimed and options.pictures:
        first = slice(options.pictures)
        sheet = drawn(images, Pairs(mine.left[first], mine.right[first], mine.likeness[first]))
        path = options.results / "pairs.png"
        path.write_bytes(cv2.imencode(".png", sheet)[1].tobytes())
        note += f" Look at them in {path}."
    found_sheet = Sheet("find_duplicates", "Photographs in another crop", rows, note)
    found_sheet.write(options.results)
    console.print(found_sheet.shown())


if __name__ == "__main__":
    command.run(main, Finding)
