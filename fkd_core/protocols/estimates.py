"""How long fits will take here, before they are done."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from fkd_core.data.faces import Faces
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec
from fkd_core.sources import PIPELINES

IMAGES_A_SECOND = 4000
"""What one worker trains of the light LeNet5 on a CPU, for estimates before anything is known."""


def about(
    spec: FitSpec, planned: int, fits: Fits, faces: Faces, speed: float = IMAGES_A_SECOND
) -> str:
    """How long so many fits like this one take here, in words: see `seconds_a_fit`."""
    return in_words(planned * seconds_a_fit(spec, fits.store.rows(failure=""), faces, speed))


def seconds_a_fit(
    spec: FitSpec, rows: Sequence[Mapping[str, Any]], faces: Faces, speed: float
) -> float:
    """What a fit like this one should take: from this machine's own records, the store's `rows`,
    where there are any, else at `speed` images a second and core."""
    like = {"model": spec.name, "pipeline": spec.pipeline, "epochs": spec.training.epochs}
    known = [float(row["seconds"]) for row in rows if like.items() <= row.items()]
    if known:
        return statistics.median(known)
    own = int(faces.of_mask(PIPELINES[spec.pipeline]).sum())
    return 1.0 + min(own, spec.split.limit or own) * spec.training.epochs / speed


def in_words(seconds: float) -> str:
    """So many worker-seconds as time on this machine."""
    minutes = max(1, round(seconds / (os.cpu_count() or 1) / 60))
    long = f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h"
    return f"about {long} on this machine's {os.cpu_count()} cores"
