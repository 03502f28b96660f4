"""Validates every candidate augmentation by measurement, and composes a policy of what helps.

    python experiments/search_augment.py --data FOLDER --preset quick

1. Screen, on set search: each candidate at a few strengths against no augmentation, on identical
   (fold, seed) pairs under equal gradient steps; hopeless strengths are stopped early.
2. Confirm, on set confirm with fresh seeds: the best strengths and a known-harmful control get a
   verdict each (helpful, harmful, equivalent, undecided), corrected for their number.
3. Compose: Optuna searches probability and strength of the helpful ones together; the winner meets
   no augmentation and a uniform random choice on set confirm, with seeds not used before.

Writes verdicts, policy.json, the resolved configuration and report.html, the page of the run, to
the run's folder below --results. Stop it when you like: the same command goes on. To watch:
optuna-dashboard --artifact-dir results/artifacts sqlite:///results/studies.db
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

from fkd_core import command
from fkd_core.augment.policy import Policy
from fkd_core.command import console
from fkd_core.evidence import write_verdicts
from fkd_core.findings.policy import write_policy
from fkd_core.findings.provenance import provenance, write_config
from fkd_core.progress import FitProgress
from fkd_core.protocols.augmentation import AugmentationSearch
from fkd_core.protocols.augmentation_plan import Plan, candidates, resized
from fkd_core.protocols.estimates import about
from fkd_core.report.augmentation import (
    meeting_table,
    verdict_table,
    write_meeting,
)
from fkd_core.report.page.writing import close
from fkd_core.report.trial_page import TrialPages
from fkd_core.running.session import session
from fkd_core.studies.storage import open_storage
from search_spaces import augmentation as space


@dataclass(frozen=True)
class SearchAugment(command.Options):
    """Options of this experiment."""

    probe: Literal["light", "cascade"] = "light"
    """Which network judges: a light LeNet5; or the compact one that the best recipe ends with,
    which sees faces straightened and takes six times as long."""
    transforms: tuple[str, ...] = ()
    """Candidates by name, or `all`; without it, six telling ones (with --preset full: all)."""
    pipelines: tuple[str, ...] = ("complete",)
    """Whose faces judge: complete, partial, or joint for both at once; each pipeline gets its own
    verdicts and policy."""
    trials: int | None = None
    """Compositions tried, in place of the preset's number."""
    gpu_hours: float | None = None
    """Hard limit of device-hours for the search of each composition. Without a GPU, an hour of one
    worker counts as one."""
    epochs: int | None = None
    """Length of every fit, in place of the preset's."""
    faces: int | None = None
    """Faces that may train, in place of the preset's number."""


def main(options: SearchAugment) -> None:
    """Validate every candidate augmentation by measurement, and compose a policy of what helps."""
    pipelines = command.chosen_pipelines(options.pipelines)
    names = candidates(options.transforms, options.preset)
    preset = space.BUDGETS[options.preset]
    budget = resized(preset, options.trials, options.epochs, options.faces)
    plans = [
        Plan(pipeline, names, budget, options.seed, probe=options.probe) for pipeline in pipelines
    ]
    competition = options.load()
    faces, fits = competition.training, options.fits(competition)
    planned = sum(plan.fits for plan in plans)
    speed = space.PROBES[options.probe].images_a_second
    console.print(
        f"{len(faces)} faces; {len(names)} candidates on {', '.join(pipelines)}; at most "
        f"{planned} fits, {about(plans[0].base, planned, fits, faces, speed)}"
    )
    if options.dry_run:
        return
    made_by = provenance(options.preset, options.seed, faces)
    run = options.outcomes.begun(made_by)
    folder = run.augmentation
    resolved = {plan.pipeline: asdict(plan.budget) for plan in plans}
    write_config(
        folder / "config.json", options, candidates=names, budgets=resolved, made_by=made_by
    )
    storage = open_storage(options.storage_url)
    storage.sweep()
    with (
        session(faces, options.place) as ray_session,
        FitProgress(console, planned) as progress,
    ):
        pages = TrialPages(faces, options.artifacts, made_by)
        for plan in plans:
            ray_session.pack([plan.base], fits)
            limited = replace(plan, seconds=ray_session.worker_seconds(options.gpu_hours))
            search = AugmentationSearch(limited, ray_session, fits, storage, progress.done, pages)
            suffix = "" if plan.pipeline == "complete" else f"-{plan.pipeline}"

            progress.stage(f"screen ({plan.pipeline})")
            screened = search.screen()

            progress.stage(f"confirm ({plan.pipeline})")
            verdicts = search.confirm(screened)
            title = f"Augmentations on {plan.pipeline} faces, set confirm"
            console.print(verdict_table(verdicts, title))
            write_verdicts(folder / f"verdicts{suffix}.csv", verdicts)

            progress.stage(f"compose ({plan.pipeline})")
            meeting = search.compose(verdicts)
            if meeting is None:
                console.print("Nothing was found helpful: the policy is empty.")
                write_policy(run.policy, plan.pipeline, Policy(), made_by)
                continue
            console.print(
                meeting_table(meeting, "The composed policy on set confirm, fresh seeds")
            )
            write_meeting(folder / f"meeting{suffix}.csv", meeting)
            write_policy(run.policy, plan.pipeline, meeting.policy, made_by)
            console.print(f"{meeting.winner} has the lowest RMSE and is now the policy.")
    console.print(f"{progress.count} fits done now, the rest came from the store.")
    console.print(f"Verdicts and policy.json: {folder}")
    close(options, competition, "augmentation")


if __name__ == "__main__":
    command.run(main, SearchAugment)
