"""What an augmentation search will do, before it does it: candidates, shared fit, their number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split, set_of
from fkd_core.errors import UserError, did_you_mean
from fkd_core.evidence import ALPHA, SMALLEST_EFFECT, Components
from fkd_core.fitting.spec import FitSpec
from fkd_core.sources import PIPELINES
from search_spaces import augmentation as space
from search_spaces import cascade

POWER = 0.8
"""How often an effect that a study is planned for should be found."""
MOST_PAIRS = 100
"""More are not planned."""


@dataclass(frozen=True)
class Plan:
    """What one pipeline's search will do, before it does it."""

    pipeline: str
    """Whose faces judge."""
    transforms: tuple[str, ...]
    """The candidates."""
    budget: space.Budget
    seed: int
    seconds: float | None = None
    """Hard limit of worker seconds for the search of the composition."""
    probe: str = "light"
    """The network that judges: a name in ``search_spaces.augmentation.PROBES``."""
    smallest: float = SMALLEST_EFFECT
    """Smallest effect that matters, as a share of the control's RMSE."""

    @property
    def base(self) -> FitSpec:
        """The fit without augmentation that everything is compared with."""
        probe = space.PROBES[self.probe]
        alone = FitSpec(
            model=probe.model,
            pipeline=self.pipeline,
            split=Split(folds=self.budget.folds, seed=self.seed, limit=self.budget.faces),
            training=self.budget.training,
            copies=space.COPIES,
            copy_seed=self.seed,
        )
        return cascade.straightened(alone) if probe.aligned else alone

    def confirmation(self, pairs: int) -> int:
        """Fits of a confirmation with so many pairs: none, the harmful control, the candidates."""
        return pairs * (2 + min(len(self.transforms), self.budget.confirmed))

    @property
    def fits(self) -> int:
        """Fits this search does at most."""
        b, n = self.budget, len(self.transforms)
        strengths = sum(
            len(b.strengths) if TRANSFORMS[name].has_strength else 1 for name in self.transforms
        )
        return (
            b.screen_pairs * (1 + strengths)
            + self.confirmation(b.confirm_pairs)
            + b.compose_pairs * b.compose_trials
            + b.meeting_pairs * 3
            + b.final_pairs * 2
            + b.ablation_pairs * min(n, b.confirmed)
        )


def resized(
    budget: space.Budget,
    trials: int | None = None,
    epochs: int | None = None,
    faces: int | None = None,
    pairs: int | None = None,
) -> space.Budget:
    """The budget with so many compositions tried, epochs a fit, faces that train and pairs of the
    confirmation, where given. Raises UserError for a number that cannot be."""
    given = {"trials": trials, "epochs": epochs, "faces": faces, "pairs": pairs}
    for name, value in given.items():
        least = 2 if name == "pairs" else 1
        if value is not None and value < least:
            raise UserError(f"--{name}: {value} is too few; give {least} or more")
    return replace(
        budget,
        compose_trials=trials or budget.compose_trials,
        epochs=epochs or budget.epochs,
        faces=faces or budget.faces,
        confirm_pairs=pairs or budget.confirm_pairs,
    )


def confirm_faces(faces: Faces, pipeline: str) -> int:
    """Image groups of set confirm that this pipeline scores."""
    group = faces.group[faces.labelled(PIPELINES[pipeline])]
    return len(np.unique(group[set_of(group) == "confirm"]))


def power_plan(plan: Plan, groups: int, effect: float, parts: Components) -> str:
    """How many fits the confirmation needs to find such an effect (px), in words.

    For quiet augmentations, at the level of Holm's first step among those confirmed.
    """
    if not effect or not math.isfinite(effect):
        raise UserError(f"--plan-power: {effect:g} px is no effect; give for example -0.08")
    confirmed = min(len(plan.transforms), plan.budget.confirmed)
    folds, own = plan.budget.folds, plan.budget.confirm_pairs

    def power(pairs: int) -> float:
        return parts.power(effect, groups, pairs, folds, ALPHA / confirmed)

    now = (
        f"{plan.pipeline}: {own} pairs ({plan.confirmation(own)} fits to confirm {confirmed}) "
        f"find a true effect of {effect:+g} px in {power(own):.0%} of studies"
    )
    tried = range(folds, MOST_PAIRS + 1, folds)
    enough = next((pairs for pairs in tried if pairs > 1 and power(pairs) >= POWER), None)
    if enough is None:
        return f"{now}; {MOST_PAIRS} pairs do not reach {POWER:.0%}: it needs more faces"
    if enough <= own:
        return f"{now}; {enough} pairs ({plan.confirmation(enough)} fits) suffice for {POWER:.0%}"
    return f"{now}; {POWER:.0%} need {enough} pairs ({plan.confirmation(enough)} fits)"


def candidates(asked: Sequence[str], preset: str) -> tuple[str, ...]:
    """The candidates a user means: by name, `all`, or none for the preset's own.

    Raises UserError for an unknown name.
    """
    everything = tuple(name for name, t in TRANSFORMS.items() if t.candidate)
    if not asked:
        return everything if preset == "full" else space.TELLING
    if "all" in asked:
        return everything
    for name in asked:
        if name not in everything:
            raise UserError(
                f"--transforms: there is no candidate {name!r}; "
                f"{did_you_mean(name, everything)}choose from all, {', '.join(everything)}"
            )
    return tuple(dict.fromkeys(asked))
