"""What an augmentation search will do, before it does it: candidates, shared fit, their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.data.folds import Split
from fkd_core.errors import UserError
from fkd_core.evidence import SMALLEST_EFFECT
from fkd_core.fitting.spec import FitSpec
from search_spaces import augmentation as space
from search_spaces import cascade


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

    @property
    def fits(self) -> int:
        """Fits this search does at most."""
        b, n = self.budget, len(self.transforms)
        strengths = sum(
            len(b.strengths) if TRANSFORMS[name].has_strength else 1 for name in self.transforms
        )
        return (
            b.screen_pairs * (1 + strengths)
            + b.confirm_pairs * (2 + min(n, b.confirmed))
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
) -> space.Budget:
    """The budget with so many compositions tried, epochs a fit and faces that train, where given.
    Raises UserError for a number that cannot be."""
    for name, value in (("trials", trials), ("epochs", epochs), ("faces", faces)):
        if value is not None and value < 1:
            raise UserError(f"--{name}: {value} is too few; give 1 or more")
    return replace(
        budget,
        compose_trials=trials or budget.compose_trials,
        epochs=epochs or budget.epochs,
        faces=faces or budget.faces,
    )


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
                f"--transforms: there is no candidate {name!r}; choose from all, "
                f"{', '.join(everything)}"
            )
    return tuple(dict.fromkeys(asked))
