"""Trains the best configurations on five folds, stacks and merges them, and writes a submission.

    python experiments/build_ensemble.py --data FOLDER

1. Members: what tune_models.py found of each model and pipeline; where nothing was searched on
   these data yet, the best recipe that is known, cascades of small networks. Each is trained once
   a fold and seed; only what the store lacks is trained.
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

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from fkd_core.data.annotators import annotators
from fkd_core.ensemble.members import of_source
from fkd_core.ensemble.predictor import save
from fkd_core.ensemble.said import said, write_said
from fkd_core.ensemble.shipping import shrunk, whole
from fkd_core.ensemble.stacking.stacker import STACKERS, Stacker
from fkd_core.ensemble.submission import covered, obstacle, requested
from fkd_core.ensemble.submitted import history, set_aside
from fkd_core.errors import UserError
from fkd_core.evidence import Estimate
from fkd_core.experiments import reference_recipe
from fkd_core.experiments.lineup import OURS, REFERENCE, competing, with_recipe
from fkd_core.experiments.submitting import submit
from fkd_core.findings.inputs import Inputs
from fkd_core.findings.provenance import provenance, write_config
from fkd_core.findings.scorings import scored
from fkd_core.fitting.store import FitStore
from fkd_core.models import MODELS
from fkd_core.needs import backend, check
from fkd_core.options import check_counts
from fkd_core.progress import FitProgress, clock
from fkd_core.protocols import estimates
from fkd_core.protocols.ensemble import Ensembling
from fkd_core.protocols.feasible import check_enough
from fkd_core.report import ensemble as report
from fkd_core.report.page.writing import close
from fkd_core.running.session import session
from fkd_core.shared_options import Options, chosen_pipelines
from fkd_core.sources import PIPELINES, SPECIALISTS
from fkd_core.terminal import console
from search_spaces import best_recipe, images_a_second
from search_spaces import ensemble as space
from search_spaces.cascade import ALIGNED
from search_spaces.model import tuned_models


@dataclass(frozen=True)
class BuildEnsemble(Options):
    """Options of this experiment."""

    recipe: Literal["auto", "best", "tuned"] = "auto"
    """Where configurations come from. best: cascades of small networks, the best that is known
    (search_spaces/best_recipe.py). tuned: what tune_models.py found, or the models' defaults.
    auto: tuned where --models or --pipelines ask for it, or anything was tuned on these data;
    else best."""
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
    tta: Literal["none", "mirror", "shifts", "warps", "settled", "settled_few"] | None = None
    """Test-time augmentation: mirror pictures; or those and shifts by 2 pixels; or those and
    small warps of what a network sees, in its own frame where it is aligned; or those in the frame
    where the face was found, all or (settled_few) ten of 18. Without it settled for the best
    recipe, with --preset smoke settled_few, else mirror."""
    cross: bool = False
    """Let what members say in the other source's style feed each stack too."""
    other_style: bool = False
    """Answer test images whose own pipeline is not trained in the other annotator's style, which
    marks some points elsewhere, and score it by labelled faces like them; without it there is then
    no submission."""
    refits: int | None = None
    """Fits more of every member, on all faces, whose mean answers test images in place of the
    folds' fits, which have not seen a fold each; 0 for none. Without it 5 for the best recipe with
    --preset full, else none."""
    stacker: Literal["auto", "mean", "weights", "ridge", "lasso", "elastic_net", "neural"] = "auto"
    """How to combine members; `auto` judges all ways by cross-validation, a named one is compared
    with the plain mean alone."""
    against_reference: bool = False
    """Also build the reference's recipe with the same models and equal gradient steps, and
    measure the ensemble against it."""
    compact: float | None = None
    """Keep for predict.py only what fits into so many megabytes, and say what that costs; the
    submission comes from the whole ensemble."""

    NAMES: ClassVar = {"models": ("all", *MODELS, f"{ALIGNED}NAME"), "pipelines": tuple(PIPELINES)}
    PRESETS: ClassVar = {
        name: f"{time} minutes on 2 cores by the best recipe; else members that are not tuned "
        f"train for {space.BUDGETS[name].epochs} epochs on {space.BUDGETS[name].faces or 'all'} "
        "faces."
        for name, time in (("smoke", "3 to 5"), ("quick", "9 to 18"), ("full", "60 to 110"))
    }
    EXAMPLES: ClassVar = (
        "--dry-run",
        "--data FOLDER --recipe best --preset quick",
    )

    @property
    def views(self) -> str:
        """The test-time augmentation: a name in ``fkd_core.ensemble.views.VIEWS``."""
        return self.tta or (best_recipe.TTA[self.preset] if self.recipe == "best" else "mirror")

    @property
    def refits_each(self) -> int:
        """How many fits on all faces a member has."""
        given = best_recipe.REFITS[self.preset] if self.recipe == "best" else 0
        return given if self.refits is None else self.refits

    @property
    def stackers(self) -> dict[str, Stacker]:
        """The ways to combine members that are judged: the one that is asked for beside the plain
        mean; else all, of the best recipe those that take seconds."""
        every = best_recipe.STACKERS if self.recipe == "best" else tuple(STACKERS)
        judged = every if self.stacker == "auto" else ("mean", self.stacker)
        return {name: each for name, each in STACKERS.items() if name in judged}

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""
        super().check()
        check_counts(vars(self), seeds=1, folds=2, epochs=1, faces=1, refits=0, compact=1)
        chosen_pipelines(self.pipelines)
        if self.recipe != "best":
            tuned_models(self.models)
        elif self.models or self.pipelines != SPECIALISTS:
            raise UserError(
                "--recipe best has members of its own: leave --models and --pipelines out"
            )


@dataclass(frozen=True)
class Built:
    """A finished ensemble."""

    folder: Path
    """Holds it, and the tables of what each part contributed."""
    score: Estimate
    """RMSE on set final, px, pipelines weighted as the competition does; score.csv says which
    share of what it requests that covers."""
    submission: Path | None
    """None where there is nothing to submit."""


def main(options: BuildEnsemble, asked: str | None = None) -> Built | None:
    """Train the best configurations on five folds, stack and merge them, write a submission."""
    options, why = with_recipe(options)
    competition = options.load()
    faces = competition.training
    fits = options.fits(faces)
    if why:
        console.print(why, soft_wrap=True)
    arms = competing(options, competition)
    ours = arms[OURS]
    check_enough(faces, [member.spec for member in ours.members], ["all"])
    ours.check(options.photographs(faces))
    expected = estimates.of_ensemble(arms, fits, images_a_second)
    console.print(report.plan_sheet(arms, fits, images_a_second).shown())
    console.print(f"All of it takes {estimates.about(expected, options.minutes)}.", soft_wrap=True)
    lookup = competition.lookup
    why_not = obstacle(
        lookup, ours.sources, annotators(faces), options.other_style, competition.absent
    )
    if why_not:
        console.print(why_not, soft_wrap=True)
    backends = {fit.backend for arm in arms.values() for fit in arm.fits}
    check(need for name in sorted(backends) for need in backend(name, "the ensemble's fits"))
    if options.dry_run:
        console.print(options.would_write(options.outcomes.ensemble), soft_wrap=True)
        return None
    made_by = provenance(options.preset, options.seed, faces, asked, options.given)
    run = options.outcomes.begun(made_by)
    history(run.submission)
    folder = run.ensemble
    specs = [member.spec.to_json() for arm in arms.values() for member in arm.members]
    used = [fit for arm in arms.values() for fit in arm.fits]
    write_config(
        folder / "config.json",
        options,
        tta=options.views,
        refits=ours.refits,
        members=specs,
        inputs=Inputs.of_trained(used, fits).to_json(),
        made_by=made_by,
    )

    with (
        FitProgress(console, expected, estimates.cores()) as progress,
        session(faces, options.place, watch=progress) as ray_session,
    ):
        kept = FitStore(options.cache / "predictions")
        building = Ensembling(ray_session, fits, kept, progress)
        tables = building.tables(arms)
        stacked = building.stacked(
            tables[OURS],
            options.stackers,
            options.stacker,
            folds=ours.members[0].folds,
            seed=options.seed,
            on_done=lambda name, seconds: progress.note(f"{name}: {clock(seconds)}"),
        )
        progress.waiting("what each member contributes")
        brought = building.contributions(stacked)
        finals = report.own_arms(stacked)
        if REFERENCE in arms:
            progress.stage(f"stack ({REFERENCE})")
            finals[REFERENCE] = building.on_final(tables[REFERENCE], reference_recipe.STACKER)

    console.print("Scoring on set final, and saving the ensemble.")
    answered = {name: own for each in tables[OURS].values() for name, own in each.scored.items()}
    weights = requested(lookup, {source: each.truth for source, each in answered.items()})
    covers = covered(lookup, answered)
    scores = report.score_sheet(finals, answered, weights, ours.copies, covers)
    final = scores.rows[0]["score"]
    names = ", ".join(member.name for member in ours.members)
    scored(run, made_by, f"ensemble of {names}", final.value)
    sheets = [scores]
    for source, each in stacked.items():
        members = of_source(ours.members, source)
        costs = [report.cost(ours.fits_of(member), fits) for member in members]
        sheets += [report.stacker_sheet(each), report.member_sheet(each, brought[source], costs)]
    sheets.append(report.keypoint_sheet(stacked, weights))
    submission = None
    if not why_not:
        submission = submit(
            run.submission, competition, ours, stacked, final, weights, made_by, covers
        )
    else:
        console.print(why_not, soft_wrap=True)
        if (aside := set_aside(run.submission)) is not None:
            console.print(f"An earlier ensemble's submission is {aside} now.", soft_wrap=True)
    halves = whole(ours, stacked, fits)
    if options.compact is not None:
        try:
            small = shrunk(halves, stacked, fits, options.compact)
        except UserError as error:
            console.print(f"--compact: {error}. The whole ensemble is kept.", style="yellow")
        else:
            halves = [each.half for each in small]
            sheets.append(report.compact_sheet(small))
    for sheet in sheets:
        console.print(sheet.shown())

    save(folder, halves, tta=options.views, made_by=made_by)
    answers = {n: said(each, faces.row, competition.test_ids) for n, each in stacked.items()}
    write_said(folder, answers)
    report.write(folder, sheets)
    console.print(progress.summary)
    console.print(f"Ensemble and tables: {folder}")
    close(options, competition, "ensemble")
    return Built(folder, final, submission)
