"""Tunes Level-1 models under the policy that search_augment.py found, each for every pipeline.

    python experiments/tune_models.py --data FOLDER
    python experiments/tune_models.py --data FOLDER --models lenet5 conv5 --preset quick

Without --models it is the last stage of the best recipe, one network for both annotators.

1. Search, on set search: the reference's configuration first, then what Optuna proposes; trials
   that fall behind are stopped at a quarter and at half of their epochs (successive halving).
2. Confirm, on set confirm with fresh seeds: the best three trials meet the reference's
   configuration at equal gradient steps; the winner is chosen here, so that no lucky trial wins.
3. Final: what the winner gains over the reference, on faces that chose nothing.

Writes best/<pipeline>/<model>.json, a table of results, a ledger of what was spent, and
report.html, the page of the run, to its folder below --results. Stop it when you like: the same
command goes on. To watch:
optuna-dashboard --artifact-dir results/artifacts sqlite:///results/studies.db
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import ClassVar

from fkd_core.data.annotators import annotators
from fkd_core.data.faces import Faces
from fkd_core.findings.best_config import write_best
from fkd_core.findings.policy import policy_or
from fkd_core.findings.provenance import provenance, write_config
from fkd_core.findings.scorings import scored
from fkd_core.models import MODELS
from fkd_core.progress import FitProgress, Part
from fkd_core.protocols import estimates
from fkd_core.protocols.feasible import check_enough
from fkd_core.protocols.tuned import Candidate, Tuned
from fkd_core.protocols.tuning import Tuning
from fkd_core.protocols.tuning_plan import TuningPlan, resized
from fkd_core.report import tuning as report
from fkd_core.report.page.writing import close
from fkd_core.report.trial_page import TrialPages
from fkd_core.running.session import session
from fkd_core.shared_options import Options, chosen_pipelines
from fkd_core.sources import PIPELINES, SPECIALISTS
from fkd_core.studies.ray_tune import run_studies
from fkd_core.studies.storage import open_storage
from fkd_core.terminal import console
from search_spaces import best_recipe
from search_spaces.cascade import ALIGNED
from search_spaces.model import ModelSpace, tuned_models
from search_spaces.training import BUDGETS, Budget


@dataclass(frozen=True)
class TuneModels(Options):
    """Options of this experiment."""

    models: tuple[str, ...] = ()
    """Models by name, or `all`; without it aligned-gated, the last stage of the best recipe."""
    pipelines: tuple[str, ...] = ()
    """Each model is tuned for each of these: specialists for complete and partial faces, or joint,
    one model for both. Without it joint, or both specialists where models are named."""
    trials: int | None = None
    """Configurations tried for each model and pipeline, in place of the preset's number."""
    gpu_hours: float | None = None
    """Hard limit of device-hours for the search of each model and pipeline. Without a GPU, an
    hour of one worker counts as one."""
    epochs: int | None = None
    """Full length of every fit, in place of the preset's."""
    faces: int | None = None
    """Faces that may train, in place of the preset's number."""
    warm_start: bool = True
    """Begin each further model's search with the training of the best model before it, until
    that does worse than the reference's training."""

    NAMES: ClassVar = {"models": ("all", *MODELS, f"{ALIGNED}NAME"), "pipelines": tuple(PIPELINES)}
    PRESETS: ClassVar = {
        name: f"{time} on 2 cores for one small model: {BUDGETS[name].trials} "
        f"configurations of {BUDGETS[name].epochs} epochs on {BUDGETS[name].faces or 'all'} faces."
        for name, time in (("smoke", "1 minute"), ("quick", "20 to 40 minutes"), ("full", "A day"))
    }
    EXAMPLES: ClassVar = (
        "--models lenet5 conv5 --dry-run",
        "--data FOLDER --models all --preset full",
    )

    @property
    def chosen(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Models and pipelines, by name. Raises UserError for one that there is not."""
        meant = SPECIALISTS if self.models else (best_recipe.PIPELINE,)
        return tuned_models(self.models), chosen_pipelines(self.pipelines or meant)

    def budget(self) -> Budget:
        """The preset's, with what was given in its place. Raises UserError where it cannot be."""
        given = {"trials": self.trials, "epochs": self.epochs, "faces": self.faces}
        return resized(BUDGETS[self.preset], **given)

    def check(self) -> None:
        """Raises UserError for what cannot be tuned."""
        super().check()
        _ = self.chosen
        self.budget()


def main(options: TuneModels, asked: str | None = None) -> list[Tuned]:
    """Tune Level-1 models, and find the best configuration of each for each pipeline."""
    competition = options.load()
    faces = competition.training
    fits = options.fits(faces)
    plans = planned(options, faces)
    check_enough(faces, [plan.reference for plan in plans])
    console.print(f"{len(faces)} faces.")
    known = fits.store.rows(failure="")
    expected = []
    for plan in plans:
        parts = estimates.of_tuning(plan, known, faces)
        expected += parts
        console.print(
            f"{plan.model}, {plan.pipeline}: at most {plan.fits} fits, {estimates.about(parts)}"
        )
    if len(plans) > 1:
        console.print(
            f"All: at most {sum(plan.fits for plan in plans)} fits, "
            f"{estimates.about(expected, options.minutes)}"
        )
    if options.dry_run:
        console.print(options.would_write(options.outcomes.tuning), soft_wrap=True)
        return []
    storage = open_storage(options.storage_url)
    made_by = provenance(options.preset, options.seed, faces, asked, options.given)
    run = options.outcomes.begun(made_by)
    folder = run.tuning
    searched = (run.augmentation.name,) if run.policy.exists() else ()
    report.check(folder)
    write_config(
        folder / "config.json",
        options,
        budget=asdict(plans[0].budget),
        policies={plan.pipeline: plan.policy.to_json() for plan in plans},
        made_by=made_by,
    )
    storage.sweep()
    with (
        FitProgress(console, expected, estimates.cores()) as progress,
        session(faces, options.place, watch=progress) as ray_session,
    ):
        pages = TrialPages(faces, options.artifacts, made_by)
        # Of each pipeline, whose training begins the next model's search: see warm_start.
        best: dict[str, Candidate | None] = {}
        found = list[Tuned]()
        for model in dict.fromkeys(plan.model for plan in plans):
            ray_session.pack([plan.reference for plan in plans if plan.model == model], fits)
            share = ray_session.pool.share or 1.0
            seconds = ray_session.worker_seconds(options.gpu_hours)
            tunings = [
                Tuning(
                    replace(plan, seconds=seconds),
                    ray_session,
                    fits,
                    storage,
                    progress.done,
                    best.get(plan.pipeline) if options.warm_start else None,
                )
                for plan in plans
                if plan.model == model
            ]
            progress.stage(f"search ({model})")
            run_studies(ray_session, [t.study for t in tunings], fits, progress.done, pages)
            known, meetings = fits.store.rows(failure=""), list[Part]()
            for tuning in tunings:
                meetings += estimates.of_confirming(tuning.plan, tuning.to_confirm, known, faces)
            progress.expect(meetings)
            progress.stage(f"confirm and final ({model})")
            for tuning in tunings:
                tuned = tuning.outcome()
                found.append(tuned)
                console.print(report.candidate_table(tuned))
                console.print(report.sureness(tuned))
                for warning in tuned.warnings:
                    console.print(f"{model}, {tuning.plan.pipeline}: {warning}", style="yellow")
                pipeline = tuning.plan.pipeline
                scored(run, made_by, f"{model}, {pipeline}: {tuned.winner.name}", tuned.rmse[0])
                report.write_tuned(folder, tuned, share, made_by)
                inputs = replace(tuned.inputs, outcomes=searched)
                write_best(run.best, model, tuned.winner.spec, tuned.evidence, made_by, inputs)
                best[pipeline] = next_sibling(tuned, best.get(pipeline, tuned.winner))
    console.print(report.result_table(folder, "The winners on set final"))
    console.print(progress.summary)
    console.print(f"Configurations: {run.best}. Tables: {folder}")
    close(options, competition, "tuning")
    return found


def planned(options: TuneModels, faces: Faces) -> list[TuningPlan]:
    """What each model and pipeline will get: equal budgets, and the policy that was found on these
    pictures, or what stands for it; which, is said."""
    models, pipelines = options.chosen
    if not options.models and not options.pipelines:
        pipelines = (best_recipe.pipeline(annotators(faces)),)
    seconds = estimates.search_seconds(options.gpu_hours, options.gpus_per_trial)
    plans, notes = list[TuningPlan](), dict[str, None]()
    for space in map(ModelSpace, models):
        for pipeline in pipelines:
            path = options.outcomes.policy
            policy, note = policy_or(
                path, pipeline, faces, space.name, space.unsearched, options.preset
            )
            notes[f"{pipeline}: {note}"] = None
            plans.append(
                TuningPlan(space, pipeline, options.budget(), policy, options.seed, seconds)
            )
    for note in notes:
        console.print(note, soft_wrap=True)
    return plans


def next_sibling(tuned: Tuned, sibling: Candidate | None) -> Candidate | None:
    """Whose training begins the next model's search: the best winner's so far, or nobody's once
    a model did not gain by it."""
    gain = tuned.warm_gain
    if gain is not None:
        console.print(
            f"{tuned.plan.model}, {tuned.plan.pipeline}: begun from a sibling's training "
            f"{gain:+.3f} px{'' if gain < 0 else ', so no further model is'}"
        )
    if sibling is None or (gain is not None and gain >= 0):
        return None
    return min(sibling, tuned.winner, key=lambda candidate: candidate.confirmed)
