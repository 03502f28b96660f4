"""Trains the best configurations on five folds, stacks and merges them, and writes a submission.

    python experiments/build_ensemble.py --data FOLDER

1. Members: the best configuration that tune_models.py found of each model and pipeline, or its
   defaults, is trained once a fold and seed; only what the store lacks is trained.
2. Out of fold: every face is predicted by the fits that never saw its image group; test images
   by the mean over all fits. Mirror pictures are predicted too, for the best recipe also warped
   ones (test-time augmentation).
3. Stack: ways to combine the members are judged by grouped cross-validation on sets search and
   confirm, and scored once on set final; the plain mean ships unless one beats it surely.
4. Merge: test images of which the competition requests more than 4 keypoints are answered in the
   complete source's style, others in the partial one's. A specialist has one style; a joint
   member (--pipelines joint) has both, and is in both stacks.

Writes submission.csv and what speaks for it, the ensemble itself (for predict.py), tables of what
each part contributed, and report.html, the page of the run, to the run's folder below --results.
Stop it when you like: the same command goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from fkd_core import command
from fkd_core.command import console
from fkd_core.data.faces import Faces
from fkd_core.data.kaggle import Competition
from fkd_core.ensemble.members import Member, of_source
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.predictor import save
from fkd_core.ensemble.said import said, write_said
from fkd_core.ensemble.shipping import shrunk, whole
from fkd_core.ensemble.stacking.stack import contributions, on_final, stack
from fkd_core.ensemble.stacking.stacker import STACKERS
from fkd_core.ensemble.submission import merged, obstacle, requested_share, write_submission
from fkd_core.ensemble.submitted import record
from fkd_core.ensemble.table import Table
from fkd_core.errors import UserError
from fkd_core.findings.best_config import has_best, read_best
from fkd_core.findings.policy import policy_or_reference
from fkd_core.findings.provenance import provenance, write_config
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.store import FitStore
from fkd_core.models import MODELS
from fkd_core.progress import FitProgress
from fkd_core.protocols import reference_recipe
from fkd_core.protocols.tuning_plan import TuningPlan, tuned_models
from fkd_core.report import ensemble as report
from fkd_core.report.page.writing import close
from fkd_core.report.sheet import Sheet
from fkd_core.running.session import session
from fkd_core.sources import PIPELINES
from search_spaces import best_recipe, cascade
from search_spaces import ensemble as space
from search_spaces.training import BUDGETS as TUNING

REFERENCE = "reference recipe"
SPECIALISTS = ("complete", "partial")


@dataclass(frozen=True)
class BuildEnsemble(command.Options):
    """Options of this experiment."""

    recipe: Literal["tuned", "best"] = "tuned"
    """Where configurations come from: what tune_models.py found, or the models' defaults; or the
    best that is known, cascades of small networks (search_spaces/best_recipe.py)."""
    models: tuple[str, ...] = ()
    """Members by name, or `all`; without it those that tune_models.py has tuned, else the
    preset's."""
    pipelines: tuple[str, ...] = SPECIALISTS
    """Members to train: complete and partial are specialists for faces with 15 keypoints and for
    those with 4; joint members learn from both kinds and answer for both."""
    seeds: int = 1
    """Fits a fold of every member."""
    folds: int | None = None
    """K, in place of the preset's."""
    epochs: int | None = None
    """Length of every fit, in place of the configurations' own."""
    faces: int | None = None
    """Faces that may train, in place of all."""
    tta: Literal["none", "mirror", "shifts", "warps"] | None = None
    """Test-time augmentation: mirror pictures; or those and shifts by 2 pixels; or those and
    small warps of what a network sees, in its own frame where it is aligned. Without it warps
    for the best recipe, else mirror."""
    cross: bool = False
    """Let what members say in the other source's style feed each stack too."""
    other_style: bool = False
    """Answer test images whose own pipeline is not trained in the other annotator's style, which
    marks some points elsewhere; without it there is then no submission."""
    refit: bool = False
    """Predict test images by one more fit a member on everything, instead of the folds' mean."""
    stacker: Literal["auto", "mean", "weights", "ridge", "lasso", "elastic_net", "neural"] = "auto"
    """How to combine members; `auto` decides by cross-validation."""
    against_reference: bool = False
    """Also build the reference's recipe with the same models and equal gradient steps, and
    measure the ensemble against it."""
    compact: float | None = None
    """Keep for predict.py only what fits into so many megabytes, and say what that costs; the
    submission comes from the whole ensemble."""

    @property
    def views(self) -> str:
        """The test-time augmentation: a name in ``fkd_core.ensemble.views.VIEWS``."""
        return self.tta or (best_recipe.TTA if self.recipe == "best" else "mirror")

    def check_members(self) -> None:
        """Raises UserError for members that cannot be."""
        for name, least in (
            ("seeds", 1),
            ("folds", 2),
            ("epochs", 1),
            ("faces", 1),
            ("compact", 1),
        ):
            given = getattr(self, name)
            if given is not None and given < least:
                raise UserError(f"--{name}: {given} is too few; give {least} or more")
        command.chosen_pipelines(self.pipelines)
        if self.recipe == "tuned":
            tuned_models(self.models, self.preset)
        elif self.models or self.pipelines != SPECIALISTS:
            raise UserError(
                "--recipe best has members of its own: leave --models and --pipelines out"
            )


def main(options: BuildEnsemble) -> None:
    """Train the best configurations on five folds, stack and merge them, write a submission."""
    options.check_members()
    competition = options.load()
    faces, fits = competition.training, options.fits(competition)
    members = lineup(options, faces)
    arms = {
        "ensemble": OutOfFold(
            members, faces, competition.test_images, options.views, options.cross, options.refit
        )
    }
    if options.against_reference:
        rivals = {
            (spec.pipeline, spec.model.name): replace(member, spec=spec)
            for member in members
            for spec in reference_recipe.counterparts(member.spec, member.deal)
        }
        arms[REFERENCE] = OutOfFold([*rivals.values()], faces, None, reference_recipe.TTA)
    console.print(report.plan_sheet(arms, fits).shown())
    answered = {source for member in members for source in PIPELINES[member.pipeline].sources}
    asked = None if competition.test_ids is None else competition.lookup
    why_not = obstacle(asked, answered, options.other_style)
    if why_not:
        console.print(why_not, soft_wrap=True)
    if options.dry_run:
        return
    arms["ensemble"].check()
    made_by = provenance(options.preset, options.seed, faces)
    run = options.outcomes.begun(made_by)
    folder = run.ensemble
    specs = [member.spec.to_json() for arm in arms.values() for member in arm.members]
    write_config(
        folder / "config.json", options, tta=options.views, members=specs, made_by=made_by
    )

    planned = sum(len(arm.lacking(fits)) for arm in arms.values())
    quick = options.recipe == "best"
    stackers = {n: s for n, s in STACKERS.items() if not quick or n in best_recipe.STACKERS}
    stackers |= {n: s for n, s in STACKERS.items() if n == options.stacker}
    predictions, tables = FitStore(options.cache / "predictions"), {}
    stacked, sheets = {}, list[Sheet]()
    with (
        session(faces, options.place) as ray_session,
        FitProgress(console, planned) as progress,
    ):
        for name, arm in arms.items():
            ray_session.pack(arm.fits, fits)
            progress.stage(f"train ({name})")
            ray_session.run_fits(arm.fits, fits, progress.done, keep_weights=True)
            progress.stage(f"predict ({name})")
            tables[name] = arm.tables(ray_session, fits, predictions, progress.part)
        for pipeline, table in tables["ensemble"].items():
            progress.stage(f"stack ({pipeline})")
            stacked[pipeline] = stack(
                table, stackers, options.stacker,
                folds=members[0].folds, seed=options.seed, run=ray_session.map,
                on_done=lambda name, seconds: console.print(f"  {name}: {seconds:.0f} s"),
            )  # fmt: skip
            ships = STACKERS[stacked[pipeline].name]
            found = contributions(stacked[pipeline], ships, ray_session.map)
            costs = [report.cost(member, fits) for member in of_source(members, pipeline)]
            sheets.append(report.stacker_sheet(stacked[pipeline]))
            sheets.append(report.member_sheet(stacked[pipeline], found, costs))
        finals = report.own_arms(stacked)
        if options.against_reference:
            recipe = reference_recipe.STACKER
            finals[REFERENCE] = {
                pipeline: on_final(recipe, table, [table.inputs()], ray_session.map)[0]
                for pipeline, table in tables[REFERENCE].items()
            }
    weights = requested(competition, tables["ensemble"])
    copies = arms["ensemble"].copies
    sheets.insert(0, report.score_sheet(finals, tables["ensemble"], weights, copies))
    sheets.append(report.keypoint_sheet(stacked, weights))
    if competition.lookup is not None and competition.test_ids is not None and not why_not:
        points = {name: each.tests for name, each in stacked.items()}
        write_submission(
            run.submission,
            competition.lookup,
            merged(competition.lookup, competition.test_ids, points),
        )
        names = tuple(f"{member.pipeline}/{member.name}" for member in members)
        record(run.submission, sheets[0].rows[0]["score"], names, made_by)
    else:
        console.print(why_not, soft_wrap=True)
    halves = whole(arms["ensemble"], stacked, fits)
    if options.compact is not None:
        small = shrunk(halves, stacked, fits, options.compact)
        halves = [each.half for each in small]
        sheets.append(report.compact_sheet(small))
    for sheet in sheets:
        console.print(sheet.shown())

    save(folder, halves, tta=options.views, made_by=made_by)
    test_ids = competition.test_ids
    write_said(folder, {n: said(each, faces.row, test_ids) for n, each in stacked.items()})
    report.write(folder, sheets)
    console.print(f"{progress.count} fits done now, the rest came from the store.")
    console.print(f"Ensemble and tables: {folder}")
    close(options, competition, "ensemble")


def lineup(options: BuildEnsemble, faces: Faces) -> list[Member]:
    """Members: what was tuned, or else the models' defaults, which is said; or the best recipe.
    Raises UserError where what was tuned was tuned on other pictures."""
    budget = space.BUDGETS[options.preset]
    folds = options.folds or budget.folds
    seeds = tuple(1000 * options.seed + seed for seed in range(options.seeds))
    if options.recipe == "best":
        limit = options.faces or best_recipe.FACES[options.preset]
        labelled = int(faces.labelled(PIPELINES[best_recipe.PIPELINE]).sum())
        taught = min(labelled, limit or labelled) * (folds - 1) // folds
        specs = best_recipe.members(options.preset, taught)
    else:
        limit = options.faces or budget.faces
        specs = [
            spec
            for pipeline in command.chosen_pipelines(options.pipelines)
            for spec in tuned(options, pipeline, faces)
        ]
    sized = [resized(spec, options.epochs, limit) for spec in specs]
    return [Member(spec, seeds, folds, options.seed) for spec in sized]


def tuned(options: BuildEnsemble, pipeline: str, faces: Faces) -> list[FitSpec]:
    """The configurations that were found for a pipeline, or the models' defaults."""
    best = options.outcomes.best
    every = [*MODELS, *(cascade.PREFIX + name for name in MODELS)]
    found = [name for name in every if has_best(best, pipeline, name)]
    preset = space.BUDGETS[options.preset].models
    names = tuned_models(options.models or tuple(found) or preset, options.preset)
    specs = {}
    for name in names:
        if name in found:
            specs[name], where = read_best(best, pipeline, name, faces)
            console.print(f"{pipeline}: {name}: {where}.", soft_wrap=True)
    specs |= defaults(options, pipeline, [name for name in names if name not in found], faces)
    return [specs[name] for name in names]


def resized(spec: FitSpec, epochs: int | None, faces: int | None) -> FitSpec:
    """The configuration with every stage this long, if it is said how long, on so many faces."""
    return replace(
        spec,
        aligned_by=spec.aligned_by and resized(spec.aligned_by, epochs, faces),
        training=replace(spec.training, epochs=epochs or spec.training.epochs),
        split=replace(spec.split, limit=faces),
    )


def defaults(
    options: BuildEnsemble, pipeline: str, models: Sequence[str], faces: Faces
) -> dict[str, FitSpec]:
    """The reference's models, trained as ``search_spaces.training`` thinks best, under the policy
    that was found or the reference's."""
    if not models:
        return {}
    policy, note = policy_or_reference(options.outcomes.policy, pipeline, faces)
    console.print(
        f"{pipeline}: not tuned, so its defaults: {', '.join(models)}. {note}", soft_wrap=True
    )
    budget = replace(TUNING[options.preset], epochs=space.BUDGETS[options.preset].epochs)
    plans = (TuningPlan(name, pipeline, budget, policy, options.seed) for name in models)
    return {plan.model: plan.hypothesis for plan in plans}


def requested(competition: Competition, tables: Mapping[str, Table]) -> Mapping[str, float]:
    """How much each pipeline weighs: the coordinates that the competition requests of it, or,
    where nobody says, those that are labelled."""
    if competition.lookup is not None:
        return requested_share(competition.lookup)
    return {name: float(np.isfinite(table.truth).sum()) for name, table in tables.items()}


if __name__ == "__main__":
    command.run(main, BuildEnsemble)
