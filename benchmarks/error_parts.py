"""Where an ensemble's error lies: by annotator and keypoint, by face, and in the labels.

    python experiments/build_ensemble.py --data FOLDER --recipe best
    python benchmarks/error_parts.py --data FOLDER

Errors are those of the finished ensemble of this data's run on set final, whose faces chose
nothing. `noise` is what one annotator's labels err by, as far as it shows: photographs that occur
several times with equal pixels were labelled anew each time. Nothing can be measured to err by
less on such labels.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from held_back import console, finished
from numpy.typing import NDArray

from fkd_core import command
from fkd_core.data.archive import TRAINING
from fkd_core.data.cleaning import sources
from fkd_core.data.grouping import digests
from fkd_core.data.locating import find
from fkd_core.data.parsing import parse_images
from fkd_core.ensemble.said import Said, read_said
from fkd_core.errors import UserError
from fkd_core.keypoints import COLUMNS, KEYPOINTS
from fkd_core.report.sheet import Sheet
from fkd_core.runs import run_of
from fkd_core.sources import PIPELINES, SOURCES

ENOUGH = 20
"""Pairs of labels of one picture, from which on their noise is told."""
SHARES = (0.01, 0.05, 0.10, 0.25)
"""Of the faces, worst first."""


@dataclass(frozen=True)
class Parts:
    """Options of this benchmark."""

    data: Path | None = None
    """The competition's files; without it, the demo faces."""
    results: Path = Path("results")
    """Folder of the runs."""
    run: str | None = None
    """Name of the run; without it, this data's."""

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""
        run_of(self.results, self.data, self.run)


def noise(points: NDArray[np.float32], names: NDArray[Any]) -> NDArray[np.float64]:
    """[15] px a coordinate, the root mean square error of one labelling of points [n, 15, 2] about
    the true one, from pictures of equal names [n]; NaN where too few were labelled twice."""
    squares, pairs = np.zeros(len(KEYPOINTS)), np.zeros(len(KEYPOINTS))
    order = np.argsort(names, kind="stable")
    for one, other in itertools.pairwise(order):
        if names[one] == names[other]:
            apart = np.square(points[one].astype(np.float64) - points[other]).mean(axis=1)
            squares += np.nan_to_num(apart)
            pairs += np.isfinite(apart)
    return np.where(pairs >= ENOUGH, np.sqrt(squares / np.maximum(pairs, 1) / 2), np.nan)


def by_keypoint(
    source: str, error: NDArray[np.float64], noisy: NDArray[np.float64]
) -> list[dict[str, object]]:
    """One row a keypoint of a source, from errors [n, p, 2] px, and one for all of them."""
    places = [*PIPELINES[source].keypoints]
    whole = np.nansum(np.square(error))

    def row(name: str, own: NDArray[np.float64], one_labelling: float) -> dict[str, object]:
        bias = np.nanmean(own, axis=tuple(range(own.ndim - 1)))
        return {
            "annotator": source,
            "keypoint": name,
            "RMSE": float(np.sqrt(np.nanmean(np.square(own)))),
            "noise": one_labelling,
            "bias x": float(bias[0]),
            "bias y": float(bias[1]),
            "share of squared error": float(np.nansum(np.square(own)) / whole),
        }

    rows = [row(KEYPOINTS[k], error[:, i], float(noisy[k])) for i, k in enumerate(places)]
    every = noisy[places]
    return [*rows, row("all", error, float(np.sqrt(np.mean(np.square(every)))))]


def by_face(source: str, error: NDArray[np.float64]) -> dict[str, object]:
    """Which share of the squared error the worst faces hold."""
    a_face = np.sort(np.nansum(np.square(error), axis=(1, 2)))[::-1]
    held = np.cumsum(a_face) / a_face.sum()
    counted = {f"worst {s:.0%}": float(held[max(1, round(s * len(a_face))) - 1]) for s in SHARES}
    return {"annotator": source, "faces": len(a_face), **counted}


def main(options: Parts) -> None:
    """Say where the error of a finished ensemble lies."""
    cache = options.results / "cache"
    run, data, faces = finished(options.results, options.data, options.run, cache)
    said: dict[str, Said] = read_said(run.ensemble)
    if not said:
        raise UserError(f"{run.ensemble} kept no answers; build it again, without training anew")
    parsed = parse_images(find(data).files[TRAINING], (*COLUMNS, "Image"))
    told = sources(parsed.points)
    names = np.array([digest.tobytes().hex() for digest in digests(parsed.images)])
    keypoints, worst = list[dict[str, object]](), list[dict[str, object]]()
    for source, half in said.items():
        own = told == [*SOURCES].index(source)
        place = np.searchsorted(faces.row, half.row[half.final])
        truth = faces.points[place][:, PIPELINES[source].keypoints].astype(np.float64)
        error = half.points[half.final] - truth
        keypoints += by_keypoint(source, error, noise(parsed.points[own], names[own]))
        worst.append(by_face(source, error))
    note = "px a coordinate, set final; noise of one labelling, where pictures have several."
    for sheet in (
        Sheet("error_by_keypoint", "Error by keypoint", keypoints, note),
        Sheet("error_by_face", "Share of the squared error that the worst faces hold", worst),
    ):
        sheet.write(run.ensemble)
        console.print(sheet.shown())


if __name__ == "__main__":
    command.run(main, Parts)
