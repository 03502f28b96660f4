"""Validates every candidate augmentation by measurement, and composes a policy of what helps.

    python experiments/search_augment.py --data FOLDER --preset quick

1. Screen, on set search: each candidate at a few strengths against no augmentation, on identical
   (fold, seed) pairs under equal gradient steps; hopeless strengths are stopped early.
2. Confirm, on set confirm with fresh seeds: the best strengths and a known-harmful control get a
   verdict each (helpful, harmful, equivalent, undecided), corrected for their number.
3. Compose: Optuna searches probability and strength of all that was not found harmful, together;
   the winner meets no augmentation and a uniform random choice on set confirm, with seeds not used
   before, and the best of the three becomes the policy.
4. Final: what the policy gains over none as a whole, on faces that chose nothing.
5. Transfer (from --preset quick on): what it gains on three unlike networks that did not choose
   it, over what these else train under. Each goes on under what it errs less with.

Writes verdicts, policy.json, the resolved configuration and report.html, the page of the run, to
the run's folder below --results. Stop it when you like: the same command goes on. To watch:
optuna-dashboard --artifact-dir results/artifacts sqlite:///results/studies.db
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Literal

from fkd_core.augment.policy import Policy
from fkd_core.data.annotators import annotators
from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.evidence import SMALLEST_EFFECT, Verdict
from fkd_core.findings.policy import Effect, write_policy
from fkd_core.findings.provenance import provenance, write_config
from fkd_core.findings.scorings import scored
from fkd_core.progress import FitProgress
from fkd_core.protocols import estimates
from fkd_core.protocols.augmentation import AugmentationSearch, Meeting
from fkd_core.protocols.augmentation_plan import (
    Plan,
    check_effect,
    confirm_faces,
    power_plan,
    resized,
)
from fkd_core.protocols.feasible import check_enough
from fkd_core.protocols.noise import measured, of_design
from fkd_core.protocols.transfer import Network, Transfer, TransferPlan, transferred
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.report.augmentation import (
    meeting_table,
    transfer_table,
    verdict_table,
    write_meeting,
    write_transfers,
    write_verdicts,
)
from fkd_core.report.page.writing import close
from fkd_core.report.trial_page import TrialPages
from fkd_core.running.session import session
from fkd_core.shared_options import Options, chosen_pipelines
from fkd_core.sources import COMPLETE, PIPELINES
from fkd_core.studies.storage import open_storage
from fkd_core.terminal import console
from search_spaces import augmentation as space
from search_spaces import images_a_second, transfer
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS as TUNING


@dataclass(frozen=True)
class SearchAugment(Options):
    """Options of this experiment."""

    probe: Literal["light", "cascade"] = "light"
    """Which network judges: a light LeNet5; or the compact one that the best recipe ends with,
    which sees faces straightened and takes six times as long."""
    transforms: tuple[str, ...] = ()
    """Candidates by name, or `all`; without it, six telling ones (with --preset full: all)."""
    pipelines: tuple[str, ...] | None = None
    """Whose faces judge: complete, partial, or joint for both at once; each pipeline gets its own
    verdicts and policy. Without it complete, or partial where only its faces have labels."""
    trials: int | None = None
    """Compositions tried, in place of the preset's number."""
    gpu_hours: float | None = None
    """Hard limit of device-hours for the search of each composition. Without a GPU, an hour of one
    worker counts as one."""
    epochs: int | None = None
    """Length of every fit, in place of the preset's."""
    faces: int | None = None
    """Faces that may train, in place of the preset's number."""
    pairs: int | None = None
    """Pairs of fits each candidate is confirmed by, in place of the preset's number."""
    smallest_effect: float = SMALLEST_EFFECT
    """The smallest effect that matters, as a share of the error without augmentation: what is
    surely smaller is called equivalent."""
    plan_power: float | None = None
    """Say how many fits it takes to find an effect of so many px, and do nothing."""

    NAMES: ClassVar = {
        "transforms": ("all", *space.candidates(("all",), "full")),
        "pipelines": tuple(PIPELINES),
    }
    PRESETS: ClassVar = {
        "smoke": "2 minutes on 2 cores: shows that everything runs; verdicts may be undecided.",
        "quick": "15 to 30 minutes on 2 cores: six augmentations at two strengths, on 320 faces.",
        "full": "1 to 2 hours on 2 cores: all augmentations at three strengths, on 900 faces.",
    }
    EXAMPLES: ClassVar = (
        "--dry-run",
        "--data FOLDER --transforms rotation shift mirror",
    )

    @property
    def candidates(self) -> tuple[str, ...]:
        """By name. Raises UserError for one that there is not."""
        return space.candidates(self.transforms, self.preset)

    @property
    def named(self) -> tuple[str, ...]:
        """The pipelines that are named. Raises UserError for one that there is not."""
        return () if self.pipelines is None else chosen_pipelines(self.pipelines)

    def budget(self) -> space.Budget:
        """The preset's, with what was given in its place. Raises UserError where it cannot be."""
        preset = space.BUDGETS[self.preset]
        return resized(preset, self.trials, self.epochs, self.faces, self.pairs)

    def check(self) -> None:
        """Raises UserError for what cannot be searched."""
        super().check()
        _ = self.candidates, self.named
        self.budget()
        if not 0 <= self.smallest_effect < 1:
            raise UserError(
                f"--smallest-effect: {self.smallest_effect:g} is no share; give 0 to 1, as 0.005"
            )
        if self.plan_power is not None:
            check_effect(self.plan_power)

    @property
    def only_plans(self) -> bool:
        """Whether it is only said what would be done."""
        return self.dry_run or self.plan_power is not None


@dataclass(frozen=True)
class Searched:
    """What one pipeline's search found."""

    verdicts: Sequence[Verdict]
    meeting: Meeting | None
    """None where all that was confirmed is harmful."""
    transfers: Sequence[Transfer] = ()
    """What the policy changes on other networks; empty where that was not measured."""

    @property
    def policy(self) -> Policy:
        """The augmentations to train with."""
        return self.meeting.policy if self.meeting else Policy()


def main(options: SearchAugment, asked: str | None = None) -> dict[str, Searched]:
    """Validate every candidate augmentation by measurement, and compose a policy of what helps."""
    names, budget = options.candidates, options.budget()
    seconds = estimates.search_seconds(options.gpu_hours, options.gpus_per_trial)
    competition = options.load()
    faces = competition.training
    pipelines = options.named or annotators(faces)[:1] or (COMPLETE.name,)
    plans = [
        Plan(
            *(space, pipeline, names, budget, options.seed, seconds),
            probe=options.probe,
            smallest=options.smallest_effect,
        )
        for pipeline in pipelines
    ]
    fits = options.fits(faces)
    if options.plan_power is not None:
        for plan in plans:
            groups = confirm_faces(faces, plan.pipeline)
            noise = measured(of_design(plan.base, fits))
            said = power_plan(plan, groups, options.plan_power, noise)
            console.print(f"{said}.", soft_wrap=True)
        return {}
    others = {name: met for name in pipelines if (met := transfer_plan(name, options, faces))}
    planned = [plan.base for plan in plans]
    planned += [network.spec for met in others.values() for network in met.networks]
    check_enough(faces, planned)
    known = fits.store.rows(failure="")
    parts = {plan.pipeline: estimates.of_augmentation(plan, known, faces) for plan in plans}
    expected = [part for each in parts.values() for part in each]
    for name, met in others.items():
        stage = f"transfer ({name})"
        expected += estimates.of_transfer(stage, met, known, faces, images_a_second)
    console.print(
        f"{len(faces)} faces; {len(names)} candidates on {', '.join(pipelines)}; at most "
        f"{sum(each.fits for each in plans) + sum(each.fits for each in others.values())} fits, "
        f"{estimates.about(expected, options.minutes)}"
    )
    if options.dry_run:
        console.print(options.would_write(options.outcomes.augmentation), soft_wrap=True)
        return {}
    storage = open_storage(options.storage_url)
    made_by = provenance(options.preset, options.seed, faces, asked, options.given)
    run = options.outcomes.begun(made_by)
    folder = run.augmentation
    resolved = {plan.pipeline: asdict(plan.budget) for plan in plans}
    write_config(
        folder / "config.json", options, candidates=names, budgets=resolved, made_by=made_by
    )
    storage.sweep()
    found = dict[str, Searched]()
    with (
        FitProgress(console, expected, estimates.cores()) as progress,
        session(faces, options.place, watch=progress) as ray_session,
    ):
        pages = TrialPages(faces, options.artifacts, made_by)
        for plan in plans:
            ray_session.pack([plan.base], fits)
            limited = replace(plan, seconds=ray_session.worker_seconds(options.gpu_hours))
            search = AugmentationSearch(limited, ray_session, fits, storage, progress.done, pages)
            progress.stage(f"screen ({plan.pipeline})")
            screened = search.screen()

            progress.stage(f"confirm ({plan.pipeline})")
            verdicts = search.confirm(screened)
            title = f"Augmentations on {plan.pipeline} faces, set confirm"
            console.print(verdict_table(verdicts, title))
            write_verdicts(run.table("verdicts", plan.pipeline), verdicts)

            a_fit = parts[plan.pipeline][0].seconds
            progress.expect(
                estimates.of_composing(limited, a_fit, len(search.composable(verdicts)))
            )
            progress.stage(f"compose ({plan.pipeline})")
            meeting = search.compose(verdicts)
            policy = Searched(verdicts, meeting).policy
            write_policy(run.policy, plan.pipeline, policy, made_by, search.inputs)
            if meeting is None:
                console.print("All that was confirmed is harmful: the policy is empty.")
            else:
                console.print(
                    meeting_table(meeting, "The composed policy: chosen on confirm, then on final")
                )
                write_meeting(run.table("meeting", plan.pipeline), meeting)
                if meeting.final:
                    what = f"{meeting.winner} policy on {plan.pipeline} faces, against none"
                    scored(run, made_by, what, meeting.final.effect)
                console.print(f"{meeting.winner} has the lowest RMSE and is now the policy.")

            transfers = list[Transfer]()
            if plan.pipeline in others:
                other = others[plan.pipeline]
                progress.stage(f"transfer ({plan.pipeline})")
                ray_session.pack([network.spec for network in other.networks], fits)
                transfers = transferred(other, policy, ray_session, fits, progress.done)
                console.print(transfer_table(transfers, "The policy on other networks"))
                write_transfers(run.table("transfer", plan.pipeline), transfers)
                rests_on = (*search.inputs.fits, *other.keys(policy, fits))
                inputs = replace(search.inputs, fits=rests_on)
                effects = [effect_of(each) for each in transfers]
                write_policy(run.policy, plan.pipeline, policy, made_by, inputs, effects)
            found[plan.pipeline] = Searched(verdicts, meeting, transfers)
    console.print(progress.summary)
    console.print(f"Verdicts and policy.json: {folder}")
    close(options, competition, "augmentation")
    return found


def transfer_plan(pipeline: str, options: SearchAugment, faces: Faces) -> TransferPlan | None:
    """Where the policy of this pipeline meets what other networks else train under; None where
    the preset buys no evidence on that. A network that would be taught by several annotators is
    left out where there are not faces of all of them."""
    bought = transfer.BUDGETS.get(options.preset)
    if bought is None:
        return None
    budget = replace(TUNING[options.preset], faces=bought.faces, epochs=bought.epochs)
    networks = []
    for name, judged_by in transfer.networks(pipeline).items():
        sources = PIPELINES[judged_by].sources
        if not all(faces.of_mask(PIPELINES[source]).any() for source in sources):
            continue
        model = ModelSpace(name)
        policy, whose = model.unsearched
        plan = TuningPlan(model, judged_by, budget, policy, options.seed)
        networks.append(Network(name, plan.hypothesis, whose))
    return TransferPlan(networks, bought.pairs, options.seed)


def effect_of(found: Transfer) -> Effect:
    """What is kept of it with the policy."""
    c = found.comparison
    return Effect(found.network, found.pipeline, found.instead, c.effect, c.low, c.high)
