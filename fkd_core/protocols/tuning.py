"""Tuning one model for one pipeline: search, confirm, final.

Trials are scored on set search and stopped early by successive halving; the best of them and the
reference's configuration meet on set confirm with fresh seeds, and the winner is chosen there;
what it gains over the reference is measured on set final, which chose nothing. In both meetings
the reference takes as many gradient steps as what it is compared with.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from fkd_core.data.folds import Family
from fkd_core.evidence import probability_best, rmse_interval
from fkd_core.findings.inputs import Inputs
from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec, recipe_of
from fkd_core.protocols.boundaries import at_the_edge
from fkd_core.protocols.tuned import Candidate, Tuned
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.reach import code_version
from fkd_core.running.session import Session
from fkd_core.studies.paired import compared, errors
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Halving, Pruner
from fkd_core.studies.sampling import TPE, Sampler
from fkd_core.studies.storage import Storage
from fkd_core.studies.study import Study, StudyPlan
from fkd_core.studies.trial import SPENT


@dataclass(frozen=True)
class Tuning:
    """One model's tuning for one pipeline. What it gives follows from faces and plan alone."""

    plan: TuningPlan
    session: Session
    fits: Fits
    storage: Storage
    on_outcome: OnOutcome | None = None
    sibling: Candidate | None = None
    """Another model's winner: its training begins the second trial."""
    sampler: Sampler | None = None
    """In place of TPE."""
    pruner: Pruner | None = None
    """In place of successive halving."""

    @cached_property
    def study(self) -> Study:
        """The search, for ``run_studies``."""
        plan, b = self.plan, self.plan.budget
        design = plan.design("search")
        return Study(
            StudyPlan(
                name=self._name,
                space=plan.space.space,
                specs=lambda values: design.specs(plan.spec(values)),
                score=lambda results: float(np.mean([result.rmse for result in results])),
                measures="RMSE on set search, px",
                pruner=self.pruner or Halving(b.eta),
                proposals=Proposals(
                    self.sampler or TPE(n_startup_trials=b.random, group=True),
                    plan.seed,
                    b.lag,
                    self._first,
                ),
                trials=b.trials,
                looks=b.looks,
                steps_a_fit=b.epochs,
                seconds=plan.seconds,
                notes={"model": plan.model, "pipeline": plan.pipeline},
            ),
            self.storage,
        )

    @property
    def to_confirm(self) -> list[FitSpec]:
        """Trials that come to set confirm, once the study is finished."""
        trials = self._best(self.plan.budget.confirmed)
        return [self.plan.spec_of(trial.params) for trial in trials]

    def outcome(self) -> Tuned:
        """Confirm and final, once the study is finished."""
        candidates = self._confirm()
        winner = candidates[0]
        won = winner.comparison is not None
        arms = self._run("final", [winner.spec])
        met = [winner.spec]
        if won:
            met += self._references(met, arms)
            arms += self._run("final", met[1:])
        return Tuned(
            plan=self.plan,
            candidates=candidates,
            final=compared(*arms) if won else None,
            rmse=rmse_interval([errors(result) for result in arms[0]]),
            parameters=arms[0][0].parameters,
            fit_seconds=float(np.mean([sum(result.seconds.values()) for result in arms[0]])),
            costs={
                "search": self.study.spent,
                "confirm": self._spent("confirm", [c.spec for c in candidates]),
                "final": self._spent("final", met),
            },
            states=Counter(trial.state.name for trial in self.study.trials),
            warm_gain=self._warm_gain(),
            warnings=self._warnings(),
            inputs=Inputs(
                studies=(self._name,),
                fits=(
                    *self._keys("confirm", [candidate.spec for candidate in candidates]),
                    *self._keys("final", met),
                ),
            ),
        )

    def _confirm(self) -> list[Candidate]:
        trials = self._best(self.plan.budget.confirmed)
        specs = [self.plan.spec_of(trial.params) for trial in trials]
        results = self._run("confirm", specs)
        matched = self._references(specs, results)
        references = list(dict.fromkeys(matched)) or [self.plan.reference]
        results += self._run("confirm", references)
        arms = dict(zip([*specs, *references], results, strict=True))
        own = self.study.trials[0]
        searched = own.value if own.value is not None else float("nan")
        found = []
        for spec in references:
            several = f", {spec.training.epochs} epochs" if len(references) > 1 else ""
            name = f"reference{several}"
            found.append(Candidate(name, own.params, spec, searched, 0.0, _rmse(arms[spec]), None))
        for trial, spec, reference in zip(trials, specs, matched, strict=True):
            value = trial.value if trial.value is not None else float("nan")
            found.append(
                Candidate(
                    f"trial {trial.number}",
                    trial.params,
                    spec,
                    value,
                    value - searched,
                    _rmse(arms[spec]),
                    compared(arms[spec], arms[reference]),
                )
            )
        chances = probability_best([[errors(fit) for fit in arms[c.spec]] for c in found])
        found = [replace(c, best=chance) for c, chance in zip(found, chances, strict=True)]
        return sorted(found, key=lambda candidate: candidate.confirmed)

    def _references(
        self, specs: Sequence[FitSpec], arms: Sequence[Sequence[FitResult]]
    ) -> list[FitSpec]:
        """The reference's configuration at equal gradient steps, for each of these."""
        return [
            self.plan.reference_for(spec, arm[0].train_faces)
            for spec, arm in zip(specs, arms, strict=True)
        ]

    def _best(self, count: int) -> list[FrozenTrial]:
        """The best whole trials that differ from the reference and from each other."""
        whole = [t for t in self.study.trials if t.state == TrialState.COMPLETE]
        found: dict[FitSpec, FrozenTrial] = {}
        for trial in sorted(whole, key=lambda t: (t.value, t.number)):
            found.setdefault(self.plan.spec_of(trial.params), trial)
        found.pop(self.plan.reference, None)
        return list(found.values())[:count]

    def _run(self, family: Family, specs: Sequence[FitSpec]) -> list[list[FitResult]]:
        return self.plan.design(family).run(specs, self.session, self.fits, self.on_outcome)

    def _warnings(self) -> list[str]:
        trials = self.study.trials
        cut_off = sum(trial.user_attrs.get("failure") == SPENT for trial in trials)
        notes = [f"the budget cut off {cut_off} of {len(trials)} trials"] if cut_off else []
        return notes + [note for trial in self._best(1) for note in at_the_edge(trial)]

    def _warm_gain(self) -> float | None:
        cold, *others = self.study.trials
        if self.sibling is None or len(self._first) < 2 or not others or cold.value is None:
            return None
        return others[0].value - cold.value if others[0].value is not None else float("inf")

    def _keys(self, family: Family, specs: Sequence[FitSpec]) -> list[str]:
        design = self.plan.design(family)
        return [self.fits.key(fit) for spec in specs for fit in design.specs(spec)]

    def _spent(self, family: Family, specs: Sequence[FitSpec]) -> float:
        """Worker seconds of these configurations' fits on this set."""
        known = [
            self.fits.get(fit) for spec in specs for fit in self.plan.design(family).specs(spec)
        ]
        return sum(sum(fit.seconds.values()) for fit in known if isinstance(fit, FitResult))

    @property
    def _first(self) -> list[dict[str, Any]]:
        """The reference; its model trained as the sibling's winner is, or as is thought best."""
        space = self.plan.space
        reference = dict(space.reference)
        training = self.sibling.params if self.sibling else space.hypothesis
        named = {name: value for name, value in training.items() if name in space.trained_by}
        warm = reference | named
        return [reference] if warm == reference else [reference, warm]

    @property
    def _name(self) -> str:
        """Says what is searched; the hash stands for all that its values depend on, but not for
        the number of trials: a larger one goes on."""
        plan = self.plan
        identity = [
            [spec.to_json() for spec in plan.design("search").specs(plan.reference)],
            self.fits.fingerprint,
            recipe_of(plan.reference),
            code_version(*plan.space.files),
            asdict(replace(plan.budget, trials=0, confirm_pairs=0, final_pairs=0, confirmed=0)),
            plan.seed,
            self._first,
            *(repr(rule) for rule in (self.sampler, self.pruner) if rule is not None),
        ]
        text = json.dumps(identity, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return f"tuning/{plan.pipeline}/{plan.model}@{digest[:8]}"


def _rmse(arm: Sequence[FitResult]) -> float:
    return float(np.mean([result.rmse for result in arm]))
