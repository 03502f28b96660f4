"""The three stages that validate augmentations: screen, confirm, compose.

Screening and composing choose on set search; verdicts come from set confirm with fresh seeds, and
so does the choice among composition, uniform choice and none. What the chosen policy gains as a
whole is measured on set final, which chose nothing. A stage's fits share their controls, and all
of it is answered from the store where it has been done before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import optuna
from optuna.trial import BaseTrial, TrialState

from fkd_core.augment.policy import Policy
from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.evidence import HARMFUL, HELPFUL, NOT_CONFIRMED, Comparison, Verdict, judge
from fkd_core.findings.inputs import Inputs
from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.protocols.augmentation_plan import Plan
from fkd_core.protocols.augmentation_studies import PolicyStudies
from fkd_core.running.session import Session
from fkd_core.studies.paired import PairedDesign, compared
from fkd_core.studies.sampling import TPE, Grid, Random
from fkd_core.studies.storage import Storage
from fkd_core.studies.study import Study
from fkd_core.studies.trial import OnTrial


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

    @cached_property
    def studies(self) -> PolicyStudies:
        """What its stages ask for."""
        return PolicyStudies(
            self.plan, self.session, self.fits, self.storage, self.on_outcome, self.on_trial
        )

    @property
    def inputs(self) -> Inputs:
        """What its findings rest on."""
        return self.studies.inputs

    def screen(self) -> list[Screened]:
        """Every candidate's best strength on set search, most promising first; candidates whose
        every strength was hopeless are left out."""
        design = self.studies.design("search", 0, self.plan.budget.screen_pairs)
        (control,) = self.studies.meet(design, Policy())
        screens = [self._screen_of(name, design, control) for name in self.plan.transforms]
        self.studies.search(screens)
        found = []
        for name, study in zip(self.plan.transforms, screens, strict=True):
            if best := _best(study):
                found.append(Screened(name, best.params.get("strength"), best.value or 0.0))
        return sorted(found, key=lambda screened: screened.difference)

    def confirm(self, screened: Sequence[Screened]) -> list[Verdict]:
        """Verdicts on all candidates and on the harmful control, from set confirm."""
        chosen = {s.transform: s.strength for s in screened[: self.plan.budget.confirmed]}
        space = self.plan.space
        policies = {name: space.alone(name, strength) for name, strength in chosen.items()}
        policies[space.CONTROL] = space.alone(space.CONTROL, None)
        design = self.studies.design("confirm", 100, self.plan.budget.confirm_pairs)
        control, *arms = self.studies.meet(design, Policy(), *policies.values())
        self.studies.record("confirm", design, policies)
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
        design = self.studies.design("confirm", 300, self.plan.budget.meeting_pairs)
        policies = {"composed": composed, "uniform": uniform}
        none, best, chosen = self.studies.meet(design, Policy(), *policies.values())
        self.studies.record("meeting", design, policies)
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
        design = self.studies.design("final", 500, self.plan.budget.final_pairs)
        none, best = self.studies.meet(design, Policy(), policy)
        self.studies.record("final", design, {winner: policy})
        return compared(best, none)

    def _screen_of(self, name: str, design: PairedDesign, control: Sequence[FitResult]) -> Study:
        has_strength = TRANSFORMS[name].has_strength
        strengths = self.plan.budget.strengths

        def ask(trial: BaseTrial) -> dict[str, Any]:
            return self.plan.space.strength(trial, strengths) if has_strength else {}

        def specs(values: Mapping[str, Any]) -> list[FitSpec]:
            return self.studies.specs(design, self.plan.space.alone(name, values.get("strength")))

        return self.studies.study(
            f"screen/{name}",
            design,
            control,
            space=ask,
            specs=specs,
            proposals=(
                self.studies.proposals(Grid({"strength": list(strengths)}))
                if has_strength
                else self.studies.proposals(Random())
            ),
            trials=len(strengths) if has_strength else 1,
            notes={"transform": TRANSFORMS[name].sentence},
        )

    def _best_composition(self, parts: Mapping[str, Verdict]) -> Policy:
        """Begun with all parts, and with those alone that were found helpful."""
        design = self.studies.design("search", 0, self.plan.budget.compose_pairs)
        (control,) = self.studies.meet(design, Policy())
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
        study = self.studies.study(
            "compose/" + "+".join(parts),
            design,
            control,
            space=lambda trial: space.composition(trial, names),
            specs=lambda values: self.studies.specs(design, space.composed(dict(values))),
            proposals=self.studies.proposals(TPE(n_startup_trials=5), first=first),
            trials=self.plan.budget.compose_trials,
            seconds=self.plan.seconds,
        )
        self.studies.search([study])
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
        arms = self.studies.meet(design, *without.values())
        self.studies.record(
            "ablation", design, {f"without {name}": p for name, p in without.items()}
        )
        return {
            name: compared(arm, best[: len(design.pairs)])
            for name, arm in zip(without, arms, strict=True)
        }


def _best(study: Study) -> optuna.trial.FrozenTrial | None:
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    return min(complete, key=lambda trial: (trial.value, trial.number), default=None)
