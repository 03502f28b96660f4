"""The three stages that validate augmentations: screen, confirm, compose.

Screening and composing choose on set search; verdicts come from set confirm with fresh seeds, and
so does the choice among composition, uniform choice and none. What the chosen policy gains as a
whole is measured on set final, which chose nothing. A stage's fits share their controls, and all
of it is answered from the store where it has been done before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import optuna
from optuna.trial import BaseTrial, TrialState

from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.data.folds import Family
from fkd_core.evidence import HARMFUL, HELPFUL, NOT_CONFIRMED, Comparison, Verdict, judge
from fkd_core.findings.inputs import Inputs
from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec, recipe_of
from fkd_core.protocols.augmentation_plan import Plan
from fkd_core.reach import code_version
from fkd_core.running.session import Session
from fkd_core.studies.paired import PairedDesign, compared, differences, fresh
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Never, Racing
from fkd_core.studies.ray_tune import run_studies
from fkd_core.studies.sampling import TPE, Grid, Random, Sampler
from fkd_core.studies.storage import Storage
from fkd_core.studies.study import Study, StudyPlan
from fkd_core.studies.trial import OnTrial

SEED_NOISE = 0.03
"""Deviation of the difference between two fits that differ in seed alone, over their RMSE
(0.08 px of 2.9 measured on real faces)."""


@dataclass(frozen=True)
class Screened:
    """What the screen chose for one candidate."""

    transform: str
    strength: float | None
    difference: float
    """Mean RMSE difference to the control on set search, px. It chose, so it proves nothing."""


@dataclass(frozen=True)
class Meeting:
    """Composition, none and uniform choice on set confirm, where the policy is chosen, and what
    the chosen one gains on set final."""

    composed: Policy
    uniform: Policy
    against_none: Comparison
    against_uniform: Comparison
    uniform_against_none: Comparison
    left_out: Mapping[str, Comparison]
    """Full composition against itself without one transform; empty without ablation. A positive
    effect is what leaving it out costs."""
    final: Comparison | None = None
    """The winner against none on set final; None where none won."""

    @property
    def winner(self) -> str:
        """``composed``, ``uniform`` or ``none``: the lowest mean RMSE of the meeting."""
        arms = {
            "none": self.against_none.control_rmse,
            "uniform": self.against_uniform.control_rmse,
            "composed": self.against_none.treatment_rmse,
        }
        return min(arms, key=arms.__getitem__)

    @property
    def policy(self) -> Policy:
        """The winner's."""
        return {"composed": self.composed, "uniform": self.uniform, "none": Policy()}[self.winner]


@dataclass(frozen=True)
class AugmentationSearch:
    """One pipeline's search. What each stage gives follows from the faces and the plan alone."""

    plan: Plan
    session: Session
    fits: Fits
    storage: Storage
    on_outcome: OnOutcome | None = None
    on_trial: OnTrial | None = None
    studies: list[str] = field(default_factory=list)
    """Names of those that it has begun or gone on with."""
    controls: dict[str, None] = field(default_factory=dict)
    """Keys of the fits without augmentation that its trials are measured against; no trial names
    them."""

    @property
    def inputs(self) -> Inputs:
        """What its findings rest on."""
        return Inputs(studies=tuple(self.studies), fits=tuple(self.controls))

    def screen(self) -> list[Screened]:
        """Every candidate's best strength on set search, most promising first; candidates whose
        every strength was hopeless are left out."""
        design = self._design("search", 0, self.plan.budget.screen_pairs)
        (control,) = self._run(design, Policy())
        studies = [self._screen_of(name, design, control) for name in self.plan.transforms]
        run_studies(self.session, studies, self.fits, self.on_outcome, self.on_trial)
        found = []
        for name, study in zip(self.plan.transforms, studies, strict=True):
            if best := _best(study):
                found.append(Screened(name, best.params.get("strength"), best.value or 0.0))
        return sorted(found, key=lambda screened: screened.difference)

    def confirm(self, screened: Sequence[Screened]) -> list[Verdict]:
        """Verdicts on all candidates and on the harmful control, from set confirm."""
        chosen = {s.transform: s.strength for s in screened[: self.plan.budget.confirmed]}
        space = self.plan.space
        policies = {name: space.alone(name, strength) for name, strength in chosen.items()}
        policies[space.CONTROL] = space.alone(space.CONTROL, None)
        design = self._design("confirm", 100, self.plan.budget.confirm_pairs)
        control, *arms = self._run(design, Policy(), *policies.values())
        self._record("confirm", design, policies)
        comparisons = {
            name: compared(arm, control) for name, arm in zip(policies, arms, strict=True)
        }
        strengths = {s.transform: s.strength for s in screened}
        return judge(comparisons, self.plan.transforms, strengths, self.plan.smallest)

    def composable(self, verdicts: Sequence[Verdict]) -> dict[str, Verdict]:
        """What a composition begins with, by name: all that was confirmed and not found
        harmful."""
        left_out = (HARMFUL, NOT_CONFIRMED)
        parts = {v.transform: v for v in verdicts if v.verdict not in left_out}
        parts.pop(self.plan.space.CONTROL, None)
        return parts

    def compose(self, verdicts: Sequence[Verdict]) -> Meeting | None:
        """The best composition of all that was confirmed and not found harmful, met by none and a
        uniform choice; None where nothing is left. What is undecided alone may help together, and
        the composition is judged as a whole."""
        parts = self.composable(verdicts)
        if not parts:
            return None
        composed = self._best_composition(parts)
        uniform = self.plan.space.uniform_choice(self.plan.transforms)
        design = self._design("confirm", 300, self.plan.budget.meeting_pairs)
        policies = {"composed": composed, "uniform": uniform}
        none, best, chosen = self._run(design, Policy(), *policies.values())
        self._record("meeting", design, policies)
        meeting = Meeting(
            composed,
            uniform,
            compared(best, none),
            compared(best, chosen),
            compared(chosen, none),
            self._ablation(
                composed,
                replace(design, pairs=design.pairs[: self.plan.budget.ablation_pairs]),
                best,
            ),
        )
        return replace(meeting, final=self._final(meeting.winner, meeting.policy))

    def _final(self, winner: str, policy: Policy) -> Comparison | None:
        """The policy against none on the faces that chose nothing."""
        if not policy.steps:
            return None
        design = self._design("final", 500, self.plan.budget.final_pairs)
        none, best = self._run(design, Policy(), policy)
        self._record("final", design, {winner: policy})
        return compared(best, none)

    def _screen_of(self, name: str, design: PairedDesign, control: Sequence[FitResult]) -> Study:
        has_strength = TRANSFORMS[name].has_strength
        strengths = self.plan.budget.strengths

        def ask(trial: BaseTrial) -> dict[str, Any]:
            return self.plan.space.strength(trial, strengths) if has_strength else {}

        def specs(values: Mapping[str, Any]) -> list[FitSpec]:
            return self._specs(design, self.plan.space.alone(name, values.get("strength")))

        return self._study(
            f"screen/{name}",
            design,
            control,
            space=ask,
            specs=specs,
            proposals=(
                self._proposals(Grid({"strength": list(strengths)}))
                if has_strength
                else self._proposals(Random())
            ),
            trials=len(strengths) if has_strength else 1,
            notes={"transform": TRANSFORMS[name].sentence},
        )

    def _best_composition(self, parts: Mapping[str, Verdict]) -> Policy:
        """Begun with all parts, and with those alone that were found helpful."""
        design = self._design("search", 0, self.plan.budget.compose_pairs)
        (control,) = self._run(design, Policy())
        names = {name: TRANSFORMS[name].has_strength for name in parts}
        strengths = {
            f"{name}.strength": v.strength
            for name, v in parts.items()
            if v.strength is not None and names[name]
        }
        helpful = {name for name, v in parts.items() if v.verdict == HELPFUL}
        space = self.plan.space
        first = [
            {f"{name}.probability": space.ALONE * (name in used) for name in parts} | strengths
            for used in dict.fromkeys((frozenset(parts), frozenset(helpful or parts)))
        ]
        study = self._study(
            "compose/" + "+".join(parts),
            design,
            control,
            space=lambda trial: space.composition(trial, names),
            specs=lambda values: self._specs(design, space.composed(dict(values))),
            proposals=self._proposals(TPE(n_startup_trials=5), first=first),
            trials=self.plan.budget.compose_trials,
            seconds=self.plan.seconds,
        )
        run_studies(self.session, [study], self.fits, self.on_outcome, self.on_trial)
        best = _best(study)
        return space.composed(best.params if best else first[0])

    def _ablation(
        self, composed: Policy, design: PairedDesign, best: Sequence[FitResult]
    ) -> dict[str, Comparison]:
        """The composition without each of its transforms against the whole of it."""
        if len(design.pairs) < 2 or len(composed.steps) < 2:
            return {}
        without = {
            left.transform: replace(
                composed, steps=tuple(step for step in composed.steps if step is not left)
            )
            for left in composed.steps
        }
        arms = self._run(design, *without.values())
        self._record("ablation", design, {f"without {name}": p for name, p in without.items()})
        return {
            name: compared(arm, best[: len(design.pairs)])
            for name, arm in zip(without, arms, strict=True)
        }

    def _study(
        self,
        what: str,
        design: PairedDesign,
        control: Sequence[FitResult],
        races: bool = True,
        arms: Sequence[str] = (),
        **searched: Any,
    ) -> Study:
        """A study whose trials are scored by their mean difference to the control; `arms` are
        hashes of the policies that meet, where they are fixed."""
        noise = SEED_NOISE * float(np.mean([result.rmse for result in control]))
        plan = StudyPlan(
            name=self._name(what, design, searched["proposals"].first, list(arms)),
            score=lambda results: float(np.mean(differences(results, control))),
            measures="RMSE minus that of no augmentation, px",
            control=control,
            pruner=Racing(control, noise) if races else Never(),
            **searched,
        )
        self.studies.append(plan.name)
        return Study(plan, self.storage)

    def _proposals(
        self,
        sampler: Sampler,
        first: Sequence[Mapping[str, Any]] = (),
    ) -> Proposals:
        return Proposals(sampler, self.plan.seed, self.plan.budget.lag, first)

    def _name(self, what: str, design: PairedDesign, *more: Any) -> str:
        """Says what is searched; the hash at its end stands for all that its values depend on, but
        not for the number of compositions (a larger one goes on) nor for other stages' pairs."""
        any_of_them = Policy(tuple(Step(name) for name in TRANSFORMS))
        budget = asdict(self.plan.budget)
        identity = [
            [spec.to_json() for spec in self._specs(design, Policy())],
            self.fits.fingerprint,
            recipe_of(replace(self.plan.base, policy=any_of_them)),
            code_version(*self.plan.space.FILES),
            {name: value for name, value in budget.items() if name not in _APART},
            self.plan.seed,
            more,
        ]
        text = json.dumps(identity, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return f"augmentation/{self.plan.pipeline}/{what}@{digest[:8]}"

    def _record(self, what: str, design: PairedDesign, policies: Mapping[str, Policy]) -> None:
        """Shows arms that have met as a study: one trial an arm, one step a pair."""
        control = [self.fits.get(spec) for spec in self._specs(design, Policy())]
        whole = [result for result in control if isinstance(result, FitResult)]
        names = list(policies)

        study = self._study(
            what,
            design,
            whole,
            races=False,
            arms=[policy.hash for policy in policies.values()],
            space=lambda trial: {"arm": trial.suggest_categorical("arm", names)},
            specs=lambda values: self._specs(design, policies[values["arm"]]),
            proposals=self._proposals(Random(), first=tuple({"arm": name} for name in names)),
            trials=len(names),
        )
        run_studies(self.session, [study], self.fits, self.on_outcome, self.on_trial)

    def _design(self, family: Family, stage: int, pairs: int) -> PairedDesign:
        """A seed for every pair, or what a seed does to both folds would count as two findings."""
        folds = self.plan.budget.folds
        return PairedDesign(family, fresh(pairs, folds, 1000 * self.plan.seed + stage))

    def _specs(self, design: PairedDesign, policy: Policy) -> list[FitSpec]:
        return design.specs(replace(self.plan.base, policy=policy))

    def _run(self, design: PairedDesign, *policies: Policy) -> list[list[FitResult]]:
        arms = [replace(self.plan.base, policy=policy) for policy in policies]
        if Policy() in policies:
            self.controls.update(dict.fromkeys(map(self.fits.key, self._specs(design, Policy()))))
        return design.run(arms, self.session, self.fits, self.on_outcome)


_APART = ("compose_trials", "confirm_pairs", "meeting_pairs", "final_pairs", "ablation_pairs")


def _best(study: Study) -> optuna.trial.FrozenTrial | None:
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    return min(complete, key=lambda trial: (trial.value, trial.number), default=None)
