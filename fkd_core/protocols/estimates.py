"""How long fits will take here, before they are done."""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fkd_core.data.faces import Faces
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.views import VIEWS
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec
from fkd_core.models.base import Architecture
from fkd_core.progress.pace import kind_of
from fkd_core.progress.parts import Part
from fkd_core.protocols.augmentation_plan import Plan
from fkd_core.protocols.machine import core_speed
from fkd_core.protocols.transfer import TransferPlan
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.sources import PIPELINES

Speed = Callable[[Architecture], float]
"""What one core trains of a model, images a second."""

SCREENED, COMPOSED, TUNED = 0.8, 0.8, 0.6
"""How much of its fits a search does, about, as it stops the others early."""


def seconds_a_fit(
    spec: FitSpec, rows: Sequence[Mapping[str, Any]], faces: Faces, speed: float
) -> float:
    """What a fit like this one should take: from this machine's own records, the store's `rows`,
    where there are any, else at `speed` images a second and core, or as many more as its cores
    are faster than those on which that was measured."""
    like = {"model": spec.name, "pipeline": spec.pipeline, "epochs": spec.training.epochs}
    known = [float(row["seconds"]) for row in rows if like.items() <= row.items()]
    if known:
        return statistics.median(known)
    own = int(faces.of_mask(PIPELINES[spec.pipeline]).sum())
    pictures = min(own, spec.split.limit or own) * spec.training.epochs
    return 1.0 + pictures / (speed * core_speed())


def of_augmentation(plan: Plan, rows: Sequence[Mapping[str, Any]], faces: Faces) -> list[Part]:
    """What the search of one pipeline is expected to do, stage by stage."""
    b, n, base = plan.budget, len(plan.transforms), plan.base
    seconds = seconds_a_fit(base, rows, faces, plan.images_a_second)
    screen, confirm = f"screen ({plan.pipeline})", f"confirm ({plan.pipeline})"
    return [
        Part(screen, base, b.screen_pairs, seconds),
        Part(screen, base, b.screen_pairs * plan.arms, seconds, plan.arms, SCREENED),
        Part(confirm, base, plan.confirmation(b.confirm_pairs), seconds),
        *of_composing(plan, seconds, min(n, b.confirmed)),
    ]


def of_composing(plan: Plan, seconds: float, used: int) -> list[Part]:
    """What the last stage of this search will do with so many candidates."""
    b, stage = plan.budget, f"compose ({plan.pipeline})"
    tried = Part(
        stage, plan.base, b.compose_pairs * b.compose_trials, seconds, b.compose_trials,
        COMPOSED, plan.seconds, b.lag,
    )  # fmt: skip
    meeting = Part(stage, plan.base, b.meeting_pairs * 3, seconds)
    without = Part(stage, plan.base, plan.ablation(used), seconds)
    final = Part(stage, plan.base, b.final_pairs * 2, seconds)
    return [tried, meeting, *([without] if without.fits else []), final]


def of_transfer(
    stage: str, plan: TransferPlan, rows: Sequence[Mapping[str, Any]], faces: Faces, speed: Speed
) -> list[Part]:
    """What this stage, where a policy meets what networks else train under, should do."""
    return [
        Part(
            stage,
            network.spec,
            2 * plan.pairs,
            seconds_a_fit(network.spec, rows, faces, speed(network.spec.model)),
        )
        for network in plan.networks
    ]


def of_tuning(plan: TuningPlan, rows: Sequence[Mapping[str, Any]], faces: Faces) -> list[Part]:
    """What the tuning of one model for one pipeline is expected to do."""
    b, spec = plan.budget, plan.reference
    seconds = seconds_a_fit(spec, rows, faces, plan.space.images_a_second)
    searched = Part(
        f"search ({plan.model})", spec, b.trials * b.search_pairs, seconds, b.trials, TUNED,
        plan.seconds, b.lag,
    )  # fmt: skip
    # Most likely, whoever is confirmed is trained like what is thought best.
    likely = [plan.hypothesis] * min(b.confirmed, b.trials - 1)
    return [searched, *of_confirming(plan, likely, rows, faces)]


def of_confirming(
    plan: TuningPlan, specs: Sequence[FitSpec], rows: Sequence[Mapping[str, Any]], faces: Faces
) -> list[Part]:
    """What the last stage of this tuning will do with these trials: they meet the reference at
    equal gradient steps, and the first of them once more on final."""
    b, stage = plan.budget, f"confirm and final ({plan.model})"
    own = int(faces.of_mask(PIPELINES[plan.pipeline]).sum())
    equal = [plan.reference_for(spec, min(own, b.faces or own)) for spec in specs]

    def part(spec: FitSpec, fits: int) -> Part:
        speed = plan.space.images_a_second
        return Part(stage, spec, fits, seconds_a_fit(spec, rows, faces, speed))

    met = [*specs, *(dict.fromkeys(equal) or [plan.reference])]
    confirmed = [part(spec, b.confirm_pairs) for spec in met]
    return confirmed + [part(spec, b.final_pairs) for spec in (*specs[:1], *equal[:1])]


def of_ensemble(arms: Mapping[str, OutOfFold], fits: Fits, speed: Speed) -> list[Part]:
    """What these ensembles, by name, lack: fits, predictions, and the stacks of the first."""
    first = next(iter(arms.values()))
    stacks = [Part(f"stack ({source})", None, 1, 0.0, like="stack") for source in first.sources]
    return of_tables(arms, fits, speed) + stacks


def of_tables(arms: Mapping[str, OutOfFold], fits: Fits, speed: Speed) -> list[Part]:
    """What the out-of-fold tables of these, by name, lack: fits and predictions."""
    rows, counted, parts = fits.store.rows(failure=""), set[FitSpec](), list[Part]()
    for name, arm in arms.items():
        lacking = [fit for fit in arm.lacking(fits) if fit not in counted]
        counted.update(lacking)
        kinds = Counter(map(kind_of, lacking))
        speeds = {fit: speed(fit.model) for fit in arm.fits + lacking}
        for fit in {kind_of(fit): fit for fit in lacking}.values():
            seconds = seconds_a_fit(fit, rows, arm.faces, speeds[fit])
            parts.append(Part(f"train ({name})", fit, kinds[kind_of(fit)], seconds))
        tests = 0 if arm.test_images is None else len(arm.test_images)
        shown = [len(VIEWS[arm.tta]) * (tests + len(arm.held_out(fit))) for fit in arm.fits]
        speeds = {fit: each * core_speed() for fit, each in speeds.items()}
        took = [n / 3 / speeds[fit] for n, fit in zip(shown, arm.fits, strict=True)]  # no gradient
        mean = statistics.fmean(took) if took else 0.0
        parts.append(Part(f"predict ({name})", None, len(took), mean))
    return parts


def search_seconds(gpu_hours: float | None, gpus_per_trial: float | str | None) -> float | None:
    """So many device-hours as seconds of one worker, as far as its share of a GPU is known."""
    share = gpus_per_trial if isinstance(gpus_per_trial, float) and gpus_per_trial else 1.0
    return gpu_hours and gpu_hours * 3600 / share


def about(parts: Sequence[Part], minutes: float | None = None) -> str:
    """How long these take here together, in words; `minutes` is the run's own limit."""
    seconds = sum(part.work for part in parts) / cores()
    said = f"about {in_minutes(seconds)} on this machine's {cores()} cores"
    if minutes is None or minutes * 60 >= seconds:
        return said
    return f"{said}; --minutes {minutes:g} stops before: the same command goes on from there"


def in_minutes(seconds: float) -> str:
    """``12 min``, ``3 h``."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def cores() -> int:
    """Of this machine: as many workers as it has without a GPU."""
    return os.cpu_count() or 1
