"""How optimistic is the cross-validation that stackers are chosen by?

    python benchmarks/nested_stack.py --data FOLDER

Level-2 cross-validation holds faces out of the stacker, yet the features it learns from come from
members that trained on some of those faces. Full nesting holds them out of both: for every outer
fold, the members are trained anew on the other folds alone, five times, and the stacker on their
out-of-fold predictions. The outer fold is then predicted from the features of one fit, as faces
are out of fold, and from the mean of all five, as test images are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tyro
from held_back import Options, console, said, trained
from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.data.folds import split
from fkd_core.ensemble.members import Member
from fkd_core.ensemble.stacking.choice import judge
from fkd_core.ensemble.stacking.features import Inputs
from fkd_core.ensemble.stacking.stacker import STACKERS
from fkd_core.evidence import Pool, difference, rmse
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec
from fkd_core.report.sheet import Sheet
from fkd_core.sources import COMPLETE


@dataclass(frozen=True)
class NestedStack(Options):
    """Options of this benchmark."""

    stackers: tuple[str, ...] = ("mean", "weights", "ridge", "lasso", "elastic_net")
    """Ways to combine the seeds' predictions."""
    folds: int = 5
    """K, of both levels."""


@dataclass(frozen=True, eq=False)
class LevelOne:
    """Members trained on some n faces, one a seed; S seeds, K folds."""

    inputs: Inputs
    """Out-of-fold predictions of the n faces."""
    fold: NDArray[np.intp]
    """[n] who held each face out."""
    specs: Sequence[Sequence[FitSpec]]
    """[K][S]"""
    fits: Fits

    @classmethod
    def of(cls, options: NestedStack, faces: Faces, stage: str) -> LevelOne:
        """Trains them."""
        member = Member(options.spec("complete"), tuple(range(options.seeds)), options.folds)
        fits = trained(faces, member.fits, options.results, stage)
        own = np.empty((len(faces), options.seeds, COMPLETE.outputs))
        fold = np.empty(len(faces), np.intp)
        for spec in member.fits:
            held_out = split(faces, COMPLETE, spec.split).held_out
            own[held_out, spec.seed] = said(spec, fits, faces.images[held_out]).reshape(
                len(held_out), -1
            )
            fold[held_out] = spec.split.fold
        by_fold = [[s for s in member.fits if s.split.fold == k] for k in range(options.folds)]
        return cls(Inputs(own, np.empty((len(faces), 0))), fold, by_fold, fits)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """[K, n, S, 30] what each fold's fits say of images that nobody trained on."""
        return np.stack(
            [
                np.stack(
                    [said(s, self.fits, images).reshape(len(images), -1) for s in specs], axis=1
                )
                for specs in self.specs
            ]
        ).astype(np.float64)


def main(options: NestedStack) -> None:
    """Measure every stacker by level-2 cross-validation and by full nesting."""
    faces = options.load()
    own = faces.of_mask(COMPLETE) & np.isfinite(faces.points).all(axis=(1, 2))
    faces = faces.take(np.flatnonzero(own))  # all labels, so that every face teaches stackers
    truth, group = faces.points, faces.group
    flat = truth.reshape(len(truth), -1).astype(np.float64)
    stackers = {name: STACKERS[name] for name in options.stackers}

    once = LevelOne.of(options, faces, "members, once")
    judged = judge(stackers, once.inputs, flat, group, folds=options.folds)
    one = {name: np.empty_like(flat) for name in stackers}
    five = {name: np.empty_like(flat) for name in stackers}
    for outer in range(options.folds):
        rest, held = np.flatnonzero(once.fold != outer), np.flatnonzero(once.fold == outer)
        inner = LevelOne.of(options, faces.take(rest), f"members without fold {outer}")
        features = inner.predict(faces.images[held])
        nothing = np.empty((len(held), 0))
        for name, stacker in stackers.items():
            fitted = stacker.fit(inner.inputs, flat[rest], group[rest])
            one[name][held] = fitted.predict(Inputs(features[outer], nothing))
            five[name][held] = fitted.predict(Inputs(features.mean(axis=0), nothing))

    def pool(predicted: NDArray[np.float64]) -> list[Pool]:
        return [Pool.of_points(predicted.reshape(truth.shape), truth, group)]

    rows = [
        {
            "stacker": each.name,
            "level-2 CV": rmse(pool(each.predictions)),
            "nested, one fit": rmse(pool(one[each.name])),
            "optimism": difference(pool(one[each.name]), pool(each.predictions)),
            "nested, mean of all": rmse(pool(five[each.name])),
            "mean of all against one": difference(pool(five[each.name]), pool(one[each.name])),
        }
        for each in judged
    ]
    note = f"RMSE, px, 95% intervals; {options.seeds} seeds of a light LeNet5, {len(faces)} faces."
    sheet = Sheet("nested_stack", "Level-2 cross-validation against full nesting", rows, note)
    sheet.write(options.results)
    console.print(sheet.shown())


if __name__ == "__main__":
    main(tyro.cli(NestedStack, description=__doc__))
