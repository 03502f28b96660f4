"""Two specialists against one model that learns from all faces with mean-filled labels.

    python benchmarks/mean_filled.py --data FOLDER

The reference calls the split its breakthrough: before it, one model was trained on every face,
with missing labels filled by the mean of the column. Here both are trained on the faces of sets
search and confirm, with equal epochs: the one model takes as many gradient steps as both
specialists together. They are scored on set final, where every pipeline counts by its labelled
coordinates.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tyro
from held_back import Options, console, said, trained

from fkd_core.data.faces import Faces
from fkd_core.data.folds import set_of
from fkd_core.ensemble.members import Member
from fkd_core.evidence import Pool, difference, rmse
from fkd_core.fitting.spec import FitSpec
from fkd_core.report.sheet import Sheet
from fkd_core.sources import COMPLETE, PARTIAL


def filled(faces: Faces) -> Faces:
    """The same faces as of one source, every missing label being its column's mean."""
    mean = np.nanmean(faces.points, axis=0, dtype=np.float64).astype(np.float32)
    points = np.where(np.isnan(faces.points), mean, faces.points)
    return replace(faces, points=points, source=np.zeros_like(faces.source))


def main(options: Options) -> None:
    """Train both ways, and compare."""
    faces = options.load()
    final = set_of(faces.group) == "final"
    known, held_back = faces.take(np.flatnonzero(~final)), faces.take(np.flatnonzero(final))
    seeds = tuple(range(options.seeds))

    def everything(pipeline: str, on: Faces) -> list[FitSpec]:
        (refits,) = Member(options.spec(pipeline), seeds).refits(on)
        return refits

    split = {name: everything(name, known) for name in (COMPLETE.name, PARTIAL.name)}
    fits = trained(known, [spec for specs in split.values() for spec in specs], options.results,
                   "two specialists")  # fmt: skip
    one_set = filled(known)
    one = everything("complete", one_set)
    one_fits = trained(one_set, one, options.results, "one model, mean-filled labels")

    arms: dict[str, list[Pool]] = {"two_specialists": [], "mean_filled": []}
    names = []
    for pipeline in (COMPLETE, PARTIAL):
        name = pipeline.name
        own = np.flatnonzero(held_back.labelled(pipeline))
        part, keypoints = held_back.take(own), list(pipeline.keypoints)
        truth = part.points[:, keypoints]
        specialist = np.mean([said(spec, fits, part.images) for spec in split[name]], axis=0)
        generalist = np.mean([said(spec, one_fits, part.images) for spec in one], axis=0)
        weight = float(np.isfinite(truth).sum())
        for arm, points in zip(arms, (specialist, generalist[:, keypoints]), strict=True):
            arms[arm].append(Pool.of_points(points, truth, part.group, weight))
        names.append(name)
    first = next(iter(arms.values()))
    rows = [
        {"arm": arm, "score": rmse(pools)}
        | {name: rmse([pool]) for name, pool in zip(names, pools, strict=True)}
        | {"against the split": None if pools is first else difference(pools, first)}
        for arm, pools in arms.items()
    ]
    note = (
        "RMSE on set final, px, 95% intervals: of two specialists, and of one model that learns "
        f"from labels filled with their means; mean of {options.seeds} seeds a model."
    )
    sheet = Sheet("mean_filled", "The split against mean-filled labels", rows, note)
    sheet.write(options.results)
    console.print(sheet.shown())


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
