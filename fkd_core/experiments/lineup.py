"""Who is in an ensemble: what was tuned, or the models' defaults, or the best recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fkd_core.data.annotators import annotators
from fkd_core.data.faces import Faces
from fkd_core.data.kaggle import Competition
from fkd_core.ensemble.compact import MOST_MEMBERS
from fkd_core.ensemble.members import Member, of_source
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.errors import UserError
from fkd_core.experiments import reference_recipe
from fkd_core.findings.best_config import has_best, read_best
from fkd_core.findings.policy import policy_or
from fkd_core.fitting.spec import FitSpec
from fkd_core.models import MODELS
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.shared_options import chosen_pipelines
from fkd_core.sources import PIPELINES, SPECIALISTS
from fkd_core.terminal import console
from search_spaces import best_recipe
from search_spaces import ensemble as space
from search_spaces.cascade import ALIGNED
from search_spaces.model import ModelSpace, tuned_models
from search_spaces.training import BUDGETS as TUNING

if TYPE_CHECKING:
    from fkd_core.experiments.build_ensemble import BuildEnsemble

OURS = "ensemble"
REFERENCE = "reference"


def with_recipe(options: BuildEnsemble) -> tuple[BuildEnsemble, str]:
    """The options with a recipe, where it was left open, and a sentence that says why."""
    if options.recipe != "auto":
        return options, ""
    if options.models or options.pipelines != SPECIALISTS:
        return replace(options, recipe="tuned"), ""
    run, every = options.outcomes, (*MODELS, *(ALIGNED + name for name in MODELS))
    tuned = [p for p in PIPELINES if any(has_best(run.best, p, name) for name in every)]
    if not tuned:
        said = "Nothing was tuned on these data, so the best recipe's members (--recipe best)."
        if run.policy.exists():
            said += " --recipe tuned trains models' defaults under the policy that was found."
        return replace(options, recipe="best"), said
    # A joint member answers for both annotators; of specialists it takes both to submit.
    pipelines = tuple(tuned) if best_recipe.PIPELINE in tuned else SPECIALISTS
    said = (
        f"Members are made of what was tuned on these data ({' and '.join(pipelines)}); "
        "--recipe best needs none of it."
    )
    return replace(options, recipe="tuned", pipelines=pipelines), said


def competing(options: BuildEnsemble, competition: Competition) -> dict[str, OutOfFold]:
    """The ensemble by OURS and, where it is asked for, the reference's by REFERENCE."""
    faces, members = competition.training, lineup(options, competition.training)
    tests = competition.test_images
    lending = options.other_style and competition.lookup is not None
    ours = (options.views, options.cross, lending, options.refits_each)
    arms = {OURS: OutOfFold(members, faces, tests, *ours)}
    if options.compact is not None:
        check_few(arms[OURS])
    if options.against_reference:
        rivals = {
            (spec.pipeline, spec.model.name): replace(member, spec=spec)
            for member in members
            for spec in reference_recipe.counterparts(
                member.spec, partial(in_training, faces, member.folds), member.deal
            )
        }
        arms[REFERENCE] = OutOfFold(
            [*rivals.values()], faces, None, reference_recipe.TTA, lending=lending
        )
    return arms


def check_few(ours: OutOfFold) -> None:
    """Raises UserError where members are too many for ``--compact``."""
    most = max(len(of_source(ours.members, source)) for source in ours.sources)
    if most > MOST_MEMBERS:
        raise UserError(
            f"--compact: {most} members answer for one annotator, too many to try all ways of "
            f"leaving some out; name {MOST_MEMBERS} or fewer (--models), or leave it out"
        )


def lineup(options: BuildEnsemble, faces: Faces) -> list[Member]:
    """Members: what was tuned, or else the models' defaults, which is said; or the best recipe.
    Raises UserError where what was tuned was tuned on other pictures."""
    budget = space.BUDGETS[options.preset]
    folds = options.folds or budget.folds
    seeds = tuple(1000 * options.seed + seed for seed in range(options.seeds))
    if options.recipe == "best":
        limit = options.faces or best_recipe.FACES[options.preset]
        pipeline = best_recipe.pipeline(annotators(faces))
        if pipeline != best_recipe.PIPELINE:
            console.print(f"All labels are of the annotator {pipeline}, so it alone is taught.")
        chains = best_recipe.members(options.preset, in_training(faces, folds, pipeline, limit))
        specs = [chain.everywhere(pipeline=pipeline) for chain in chains]
    else:
        limit = options.faces or budget.faces
        specs = [
            spec
            for pipeline in chosen_pipelines(options.pipelines)
            for spec in tuned(options, pipeline, faces)
        ]
    sized = [resized(spec, options.epochs, limit) for spec in specs]
    return [Member(spec, seeds, folds, options.seed) for spec in sized]


def in_training(faces: Faces, folds: int, pipeline: str, limit: int | None) -> int:
    """About how many of the faces may train in one of so many folds."""
    labelled = int(faces.labelled(PIPELINES[pipeline]).sum())
    return min(labelled, limit or labelled) * (folds - 1) // folds


def tuned(options: BuildEnsemble, pipeline: str, faces: Faces) -> list[FitSpec]:
    """The configurations that were found for a pipeline, or the models' defaults."""
    best = options.outcomes.best
    every = [*MODELS, *(ALIGNED + name for name in MODELS)]
    found = [name for name in every if has_best(best, pipeline, name)]
    preset = space.BUDGETS[options.preset].models
    names = tuned_models(options.models or tuple(found) or preset)
    specs = {}
    for name in names:
        if name in found:
            specs[name], where = read_best(best, pipeline, name, faces, options.preset)
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
    that was found or what stands for it."""
    spaces = [ModelSpace(name) for name in models]
    path = options.outcomes.policy
    found = {
        s: policy_or(path, pipeline, faces, s.name, s.unsearched, options.preset) for s in spaces
    }
    for note in dict.fromkeys(said for _, said in found.values()):
        alike = ", ".join(s.name for s, (_, said) in found.items() if said == note)
        console.print(f"{pipeline}: not tuned, so its defaults: {alike}. {note}", soft_wrap=True)
    budget = replace(TUNING[options.preset], epochs=space.BUDGETS[options.preset].epochs)
    plans = (
        TuningPlan(each, pipeline, budget, policy, options.seed)
        for each, (policy, _) in found.items()
    )
    return {plan.model: plan.hypothesis for plan in plans}
