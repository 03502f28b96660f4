"""How the stages of an augmentation search become fits and studies.

Arms meet in a design of fresh seeds. A study scores its trials by their mean difference to the
control, no augmentation, and has a name that stands for all that its values depend on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.data.folds import Family
from fkd_core.findings.inputs import Inputs
from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec, recipe_of
from fkd_core.protocols.augmentation_plan import Plan
from fkd_core.reach import code_version
from fkd_core.running.session import Session
from fkd_core.studies.paired import PairedDesign, differences, fresh
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Never, Racing
from fkd_core.studies.ray_tune import run_studies
from fkd_core.studies.sampling import Random, Sampler
from fkd_core.studies.storage import Storage
from fkd_core.studies.study import Study, StudyPlan
from fkd_core.studies.trial import OnTrial

SEED_NOISE = 0.03
"""Deviation of the difference between two fits that differ in seed alone, over their RMSE
(0.08 px of 2.9 measured on real faces)."""

_APART = ("compose_trials", "confirm_pairs", "meeting_pairs", "final_pairs", "ablation_pairs")
"""Of a budget, what no study's name stands for."""


@dataclass(frozen=True)
class PolicyStudies:
    """What one pipeline's search asks of its fits and its storage."""

    plan: Plan
    session: Session
    fits: Fits
    storage: Storage
    on_outcome: OnOutcome | None
    on_trial: OnTrial | None
    names: list[str] = field(default_factory=list)
    """Of the studies that it has begun or gone on with."""
    controls: dict[str, None] = field(default_factory=dict)
    """Keys of the fits without augmentation that its trials are measured against; no trial names
    them."""

    @property
    def inputs(self) -> Inputs:
        """What its findings rest on."""
        return Inputs(studies=tuple(self.names), fits=tuple(self.controls))

    def design(self, family: Family, stage: int, pairs: int) -> PairedDesign:
        """A seed for every pair, or what a seed does to both folds would count as two findings."""
        folds = self.plan.budget.folds
        return PairedDesign(family, fresh(pairs, folds, 1000 * self.plan.seed + stage))

    def specs(self, design: PairedDesign, policy: Policy) -> list[FitSpec]:
        """The fits of one arm, which trains under this policy."""
        return design.specs(replace(self.plan.base, policy=policy))

    def meet(self, design: PairedDesign, *policies: Policy) -> list[list[FitResult]]:
        """The results of an arm under each of these. Raises UserError where a fit failed."""
        arms = [replace(self.plan.base, policy=policy) for policy in policies]
        if Policy() in policies:
            self.controls.update(dict.fromkeys(map(self.fits.key, self.specs(design, Policy()))))
        return design.run(arms, self.session, self.fits, self.on_outcome)

    def search(self, studies: Sequence[Study]) -> None:
        """Goes on with these until they are finished."""
        run_studies(self.session, studies, self.fits, self.on_outcome, self.on_trial)

    def study(
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
            name=self.name(what, design, searched["proposals"].first, list(arms)),
            score=lambda results: float(np.mean(differences(results, control))),
            measures="RMSE minus that of no augmentation, px",
            control=control,
            pruner=Racing(control, noise) if races else Never(),
            **searched,
        )
        self.names.append(plan.name)
        return Study(plan, self.storage)

    def proposals(
        self,
        sampler: Sampler,
        first: Sequence[Mapping[str, Any]] = (),
    ) -> Proposals:
        """What this sampler proposes, after these."""
        return Proposals(sampler, self.plan.seed, self.plan.budget.lag, first)

    def name(self, what: str, design: PairedDesign, *more: Any) -> str:
        """Says what is searched; the hash at its end stands for all that its values depend on, but
        not for the number of compositions (a larger one goes on) nor for other stages' pairs."""
        any_of_them = Policy(tuple(Step(name) for name in TRANSFORMS))
        budget = asdict(self.plan.budget)
        identity = [
            [spec.to_json() for spec in self.specs(design, Policy())],
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

    def record(self, what: str, design: PairedDesign, policies: Mapping[str, Policy]) -> None:
        """Shows arms that have met as a study: one trial an arm, one step a pair."""
        control = [self.fits.get(spec) for spec in self.specs(design, Policy())]
        whole = [result for result in control if isinstance(result, FitResult)]
        names = list(policies)

        study = self.study(
            what,
            design,
            whole,
            races=False,
            arms=[policy.hash for policy in policies.values()],
            space=lambda trial: {"arm": trial.suggest_categorical("arm", names)},
            specs=lambda values: self.specs(design, policies[values["arm"]]),
            proposals=self.proposals(Random(), first=tuple({"arm": name} for name in names)),
            trials=len(names),
        )
        self.search([study])
