"""What an augmentation search will do, before it does it: candidates, shared fit, their number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from optuna.trial import BaseTrial

from fkd_core.augment.policy import Policy
from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.data.faces import Faces
from fkd_core.data.folds import set_of
from fkd_core.errors import UserError
from fkd_core.evidence import ALPHA, SMALLEST_EFFECT, Components
from fkd_core.fitting.spec import FitSpec
from fkd_core.options import check_counts
from fkd_core.sources import PIPELINES

if TYPE_CHECKING:
    from search_spaces.augmentation import Budget

POWER = 0.8
"""How often an effect that a study is planned for should be found."""
MOST_PAIRS = 100
"""More are not planned."""


class Space(Protocol):
    """What is tried: ``search_spaces.augmentation``, or a module of the same form."""

    FILES: tuple[Path, ...]
    """Those that decide what is tried: their code belongs to the name of a search."""
    ALONE: float
    """Probability while a transform is judged alone."""
    CONTROL: str
    """A transform known to do harm."""

    def base(self, pipeline: str, budget: Budget, seed: int, probe: str) -> FitSpec:
        """The fit without augmentation."""

    def images_a_second(self, probe: str) -> float:
        """What a worker trains of it on one core."""

    def alone(self, transform: str, strength: float | None) -> Policy:
        """The policy under which a transform is judged by itself."""

    def strength(self, trial: BaseTrial, strengths: Sequence[float]) -> dict[str, Any]:
        """The screen of one transform."""

    def composition(self, trial: BaseTrial, transforms: dict[str, bool]) -> dict[str, Any]:
        """Values of a composition of these, which have a strength or not."""

    def composed(self, values: dict[str, Any]) -> Policy:
        """The policy that these values describe."""

    def uniform_choice(self, transforms: Sequence[str]) -> Policy:
        """One transform or none, each copy anew."""


@dataclass(frozen=True)
class Plan:
    """What one pipeline's search will do, before it does it."""

    space: Space
    """What is tried."""
    pipeline: str
    """Whose faces judge."""
    transforms: tuple[str, ...]
    """The candidates."""
    budget: Budget
    seed: int
    seconds: float | None = None
    """Hard limit of worker seconds for the search of the composition."""
    probe: str = "light"
    """The network that judges, by its name in the space."""
    smallest: float = SMALLEST_EFFECT
    """Smallest effect that matters, as a share of the control's RMSE."""

    @property
    def base(self) -> FitSpec:
        """The fit without augmentation that everything is compared with."""
        return self.space.base(self.pipeline, self.budget, self.seed, self.probe)

    @property
    def images_a_second(self) -> float:
        """What a worker trains of it, about."""
        return self.space.images_a_second(self.probe)

    def confirmation(self, pairs: int) -> int:
        """Fits of a confirmation with so many pairs: none, the harmful control, the candidates."""
        return pairs * (2 + min(len(self.transforms), self.budget.confirmed))

    @property
    def arms(self) -> int:
        """Strengths that the screen tries, of all candidates together."""
        many = len(self.budget.strengths)
        return sum(many if TRANSFORMS[name].has_strength else 1 for name in self.transforms)

    def ablation(self, used: int) -> int:
        """Fits of leaving out, once each, what a composition uses."""
        return self.budget.ablation_pairs * used if used > 1 else 0

    @property
    def fits(self) -> int:
        """Fits this search does at most."""
        b = self.budget
        return (
            b.screen_pairs * (1 + self.arms)
            + self.confirmation(b.confirm_pairs)
            + b.compose_pairs * b.compose_trials
            + b.meeting_pairs * 3
            + b.final_pairs * 2
            + self.ablation(min(len(self.transforms), b.confirmed))
        )


def resized(
    budget: Budget,
    trials: int | None = None,
    epochs: int | None = None,
    faces: int | None = None,
    pairs: int | None = None,
) -> Budget:
    """The budget with so many compositions tried, epochs a fit, faces that train and pairs of the
    confirmation, where given. Raises UserError for a number that cannot be."""
    given = {"trials": trials, "epochs": epochs, "faces": faces, "pairs": pairs}
    check_counts(given, trials=1, epochs=1, faces=1, pairs=2)
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


def check_effect(px: float) -> None:
    """Raises UserError for what is no effect to plan for."""
    if not px or not math.isfinite(px):
        raise UserError(f"--plan-power: {px:g} px is no effect; give for example -0.08")


def power_plan(
    plan: Plan, groups: int, effect: float, known: tuple[Components, int] | None
) -> str:
    """How many fits the confirmation needs to find such an effect (px), in words.

    For quiet augmentations, at the level of Holm's first step among those confirmed. `known` is
    the noise of this plan's fits as ``noise.measured`` found it; without it, it is assumed.
    """
    parts, arms = known or (Components(), 0)
    check_effect(effect)
    confirmed = min(len(plan.transforms), plan.budget.confirmed)
    folds, own = plan.budget.folds, plan.budget.confirm_pairs

    def power(pairs: int) -> float:
        return parts.power(effect, groups, pairs, folds, ALPHA / confirmed)

    now = (
        f"{plan.pipeline}: {own} pairs ({plan.confirmation(own)} fits to confirm {confirmed}) "
        f"find a true effect of {effect:+g} px in {power(own):.0%} of studies"
    )
    if arms:
        noise = f"by the noise of {arms} augmentation{'s' * (arms > 1)} that such fits have met"
    else:
        noise = (
            f"if a fit's error is about {parts.rmse:g} px and varies by {parts.fit:.1%} from seed "
            "to seed: fits with few epochs vary several times as much; once a search has run on "
            "these faces, its own noise is used"
        )
    tried = range(folds, MOST_PAIRS + 1, folds)
    enough = next((pairs for pairs in tried if pairs > 1 and power(pairs) >= POWER), None)
    if enough is None:
        more = f"{MOST_PAIRS} pairs do not reach {POWER:.0%}: it needs more faces or longer fits"
    elif enough <= own:
        more = f"{enough} pairs ({plan.confirmation(enough)} fits) suffice for {POWER:.0%}"
    else:
        more = f"{POWER:.0%} need {enough} pairs ({plan.confirmation(enough)} fits)"
    return f"{now}; {more}; {noise}"
