"""What benchmarks of ensembles share: train on some faces, predict others that nobody saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from fkd_core.data.demo import demo_folder
from fkd_core.data.faces import Faces
from fkd_core.data.kaggle import load_competition
from fkd_core.ensemble.questions import answer, weights_of
from fkd_core.ensemble.views import VIEWS
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5
from fkd_core.progress import FitProgress
from fkd_core.running.place import Place
from fkd_core.running.session import session
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


def trained(faces: Faces, specs: Sequence[FitSpec], results: Path, stage: str) -> Fits:
    """These fits on these faces, with weights; only what is not kept yet is done."""
    fits = Fits(FitStore(results / "fits"), faces.fingerprint)
    lacking = [spec for spec in specs if not fits.holds(spec, weights=True)]
    if lacking:
        with (
            session(faces, Place(results / "cache" / "copies")) as ray_session,
            FitProgress(console, len(lacking)) as progress,
        ):
            progress.stage(stage)
            ray_session.run_fits(lacking, fits, progress.done, keep_weights=True)
    return fits


def said(spec: FitSpec, fits: Fits, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[n, p, 2] pixels for images [n, 96, 96], without test-time augmentation."""
    points: NDArray[np.float32] = answer(spec, weights_of(spec, fits), images, VIEWS["none"])[0]
    return points
