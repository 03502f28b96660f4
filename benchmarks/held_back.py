"""What benchmarks of ensembles share: train on some faces, predict others that nobody saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from fkd_core.data.demo import demo_folder
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split, split
from fkd_core.data.kaggle import load_competition
from fkd_core.ensemble.members import Member, member_name
from fkd_core.ensemble.questions import Question, answer, weights_of
from fkd_core.ensemble.views import VIEWS
from fkd_core.errors import UserError
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5
from fkd_core.progress import FitProgress
from fkd_core.running.place import Place
from fkd_core.running.session import session
from fkd_core.runs import Run, run_of
from fkd_core.sources import JOINT, PIPELINES
from search_spaces.augmentation import reference

console = Console(highlight=False)


@dataclass(frozen=True)
class Options:
    """Options that these benchmarks share."""

    data: Path | None = None
    """The competition's files; without it, the demo faces."""
    results: Path = Path("results/held_back")
    """Folder for what is kept, so that a rerun goes on."""
    epochs: int = 20
    """Of every fit."""
    seeds: int = 2
    """Fits of everything."""

    def load(self) -> Faces:
        """The cleaned training faces."""
        folder = self.data or demo_folder(self.results / "cache" / "demo")
        return load_competition(folder, self.results / "cache" / "faces").training

    def spec(self, pipeline: str) -> FitSpec:
        """A light LeNet5 under the reference's augmentations."""
        training = Training(self.epochs, 32, 2e-3, schedule="cosine", warmup=0.05)
        return FitSpec(LeNet5.light(), pipeline, training=training, policy=reference())


def trained(
    faces: Faces, specs: Sequence[FitSpec], results: Path, stage: str, *, keep_weights: bool = True
) -> Fits:
    """These fits on these faces; only what is not kept yet is done."""
    fits = Fits(FitStore(results / "fits"), faces.fingerprint)
    lacking = fits.lacking(specs, weights=keep_weights)
    if lacking:
        with (
            FitProgress(console) as progress,
            session(faces, Place(results / "cache" / "copies"), watch=progress) as ray_session,
        ):
            progress.stage(stage)
            ray_session.run_fits(lacking, fits, progress.done, keep_weights=keep_weights)
    return fits


def said(
    spec: FitSpec, fits: Fits, images: NDArray[np.uint8], view: str = "none"
) -> NDArray[np.float32]:
    """[n, p, 2] pixels for images [n, 96, 96], mean over the views of a name in VIEWS."""
    points = answer(spec, weights_of(spec, fits), images, VIEWS[view]).mean(axis=0)
    return np.asarray(points, np.float32)


def finished(
    results: Path, data: Path | None, name: str | None, cache: Path
) -> tuple[Run, Path, Faces]:
    """A run, the files that it was made from, and their cleaned training faces, read below
    `cache`. Raises UserError where it has no ensemble, or is of other pictures."""
    run = run_of(results, data, name)
    if not run.ensemble.is_dir():
        raise UserError(
            f"{run.ensemble} holds no finished ensemble; build one with "
            "experiments/build_ensemble.py on the same --data"
        )
    folder = data or demo_folder(cache / "demo")
    faces = load_competition(folder, cache / "faces").training
    run.check(faces.pictures)
    return run, folder, faces


def unseen(spec: FitSpec, faces: Faces) -> Faces:
    """Whom a fit of a finished ensemble held out. Raises UserError where it has seen all."""
    held_out = faces.take(split(faces, spec.taught, spec.split).held_out)
    if len(np.unique(held_out.group)) == 1:  # see ``Member.refits``
        raise UserError(
            f"the fits of {member_name(spec)} have seen all faces, so nothing tells how it errs; "
            "build the ensemble with --refits 0 in a run of its own (--run)"
        )
    return held_out


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold of both annotators' faces together: who trains and who is scored, whatever is
    trained."""

    faces: Faces
    deal: Split
    """Its seed is the fits' too."""
    results: Path
    """Folder for what is kept."""

    @cached_property
    def held_out(self) -> Faces:
        """Whom no fit of this fold has seen."""
        return self.faces.take(split(self.faces, PIPELINES[JOINT], self.deal).held_out)

    @cached_property
    def known(self) -> Faces:
        """Who may train. Specialists are dealt these alone: their own deal of all faces would
        hold out others."""
        return self.faces.take(split(self.faces, PIPELINES[JOINT], self.deal).train)

    @cached_property
    def _stores(self) -> dict[bool, Fits]:
        """Of joint fits and of specialists."""
        store = FitStore(self.results / "fits")
        own = {True: self.faces, False: self.known}
        return {joint: Fits(store, faces.fingerprint) for joint, faces in own.items()}

    @cached_property
    def _answers(self) -> FitStore:
        return FitStore(self.results / "cache" / "predictions")

    def fits(self, spec: FitSpec) -> Fits:
        """The store, as this fit's faces are known there."""
        return self._stores[spec.pipeline == JOINT]

    def of(self, spec: FitSpec) -> FitSpec:
        """The configuration as it is trained here."""
        if spec.pipeline == JOINT:
            return spec.everywhere(split=self.deal, seed=self.deal.seed)
        ((refit,),) = Member(spec, (self.deal.seed,)).refits(self.known)
        return refit

    def lacking(self, specs: Sequence[FitSpec]) -> set[str]:
        """Keys of what is still to be trained for these configurations."""
        found: set[str] = set()
        for spec in map(self.of, specs):
            fits = self.fits(spec)
            found |= {fits.key(each) for each in fits.lacking([spec], weights=True)}
        return found

    def train(self, specs: Sequence[FitSpec]) -> None:
        """Whatever is missing of these configurations."""
        for faces, kind in ((self.known, "specialists"), (self.faces, "joint")):
            mine = [self.of(s) for s in specs if (s.pipeline == JOINT) == (kind == "joint")]
            trained(faces, mine, self.results, f"fold {self.deal.fold}: {kind}")

    def answer(self, spec: FitSpec, view: str = "none") -> NDArray[np.float32]:
        """[n, p, 2] pixels of the held-out faces, as the configuration that was trained here
        says; kept."""
        fit = self.of(spec)
        fits = self.fits(fit)
        key = Question(fit, self.held_out.images, VIEWS[view]).key(fits)
        if (stored := self._answers.get(key)) is not None:
            return np.asarray(stored.arrays["points"])
        points = said(fit, fits, self.held_out.images, view)
        self._answers.put(key, {}, {"points": points})
        return points
