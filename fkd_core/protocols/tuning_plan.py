"""What tuning one model for one pipeline will do, before it does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import optuna

from fkd_core.augment.policy import Policy
from fkd_core.data.folds import Family, Split
from fkd_core.fitting.schedule import steps_per_epoch
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.options import check_counts
from fkd_core.studies.paired import PairedDesign, fresh, in_turn

if TYPE_CHECKING:
    from search_spaces.model import ModelSpace
    from search_spaces.training import Budget

STOP_SHARE = 0.1
"""Training faces that an early-stopping trial gives away, as the reference does."""

_SEEDS: dict[Family, int] = {"search": 0, "confirm": 100, "final": 300}


@dataclass(frozen=True)
class TuningPlan:
    """One model, one pipeline."""

    space: ModelSpace
    """What is tried of the model."""
    pipeline: str
    budget: Budget
    policy: Policy
    """Augmentations that every fit trains under."""
    seed: int
    seconds: float | None = None
    """Hard limit of what the search may spend in workers."""

    @property
    def model(self) -> str:
        """Its name."""
        return self.space.name

    def spec_of(self, params: Mapping[str, Any]) -> FitSpec:
        """The fit that these parameters of a trial describe."""
        return self.spec(self.space.space(optuna.trial.FixedTrial(dict(params))))

    def spec(self, values: Mapping[str, Any]) -> FitSpec:
        """The fit that these values of the search space describe."""
        choice = dict(values)
        model, stops = choice.pop("model"), choice.pop("early_stop")
        epochs, b = self.budget.epochs, self.budget
        alone = FitSpec(
            model=model,
            pipeline=self.pipeline,
            split=Split(
                folds=b.folds, seed=self.seed, limit=b.faces, stop_share=STOP_SHARE if stops else 0
            ),
            training=Training(epochs, patience=_patience(epochs) if stops else None, **choice),
            policy=self.policy,
            copies=self.space.copies,
            copy_seed=self.seed,
        )
        return self.space.whole(alone)

    @property
    def reference(self) -> FitSpec:
        """The reference's configuration, under this plan's epochs, faces and policy."""
        return self.spec_of(self.space.reference)

    def reference_for(self, spec: FitSpec, train_faces: int) -> FitSpec:
        """The reference's configuration with as many gradient steps as this one has, to half an
        epoch of it, so that what is compared is not how long they train. `train_faces` is how many
        give gradients to this one."""
        reference = self.reference
        share = (1 - reference.split.stop_share) / (1 - spec.split.stop_share)
        steps = spec.training.epochs * steps_per_epoch(train_faces, spec.training.batch_size)
        return self.reference_with(steps, int(train_faces * share))

    def reference_with(self, steps: int, *train_faces: int) -> FitSpec:
        """The reference's configuration with so many gradient steps, to half an epoch of it, where
        so many faces give gradients to it; of several specialists, so many to each of them, and
        the steps are those of all together."""
        size = self.reference.training.batch_size
        own = sum(steps_per_epoch(faces, size) for faces in train_faces)
        return self.reference_of(max(1, round(steps / own)))

    def reference_of(self, epochs: int) -> FitSpec:
        """The reference's configuration, so many epochs long."""
        reference = self.reference
        patience = _patience(epochs) if reference.training.patience else None
        training = replace(reference.training, epochs=epochs, patience=patience)
        return replace(reference, training=training)

    @property
    def hypothesis(self) -> FitSpec:
        """The first trial's model, trained as is thought to be better."""
        return self.spec_of(self.space.hypothesis)

    def design(self, family: Family) -> PairedDesign:
        """Where configurations are scored on this set; every set has seeds of its own."""
        b, first = self.budget, 1000 * self.seed + _SEEDS[family]
        if family == "search":
            return PairedDesign(family, in_turn(b.search_pairs, b.folds, first))
        pairs = b.confirm_pairs if family == "confirm" else b.final_pairs
        return PairedDesign(family, fresh(pairs, b.folds, first))

    @property
    def fits(self) -> int:
        """Fits this does at most."""
        b = self.budget
        meeting = b.confirm_pairs * 2 * min(b.confirmed, b.trials - 1)
        return b.trials * b.search_pairs + meeting + 2 * b.final_pairs


def _patience(epochs: int) -> int:
    return max(10, epochs // 10)


def resized(budget: Budget, **given: int | None) -> Budget:
    """The budget with what the user gave in place of its own. Raises UserError where it cannot
    be."""
    asked = {name: value for name, value in given.items() if value is not None}
    check_counts(asked, **{name: 2 if name == "trials" else 1 for name in asked})
    return replace(budget, **asked)
