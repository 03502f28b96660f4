"""Arms: fits that are compared, paired by fold and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fkd_core.data.folds import Family
from fkd_core.errors import UserError
from fkd_core.evidence import Comparison, FitErrors, compare
from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.result import Failed, FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.running.session import Session

Pair = tuple[int, int]
"""(fold, seed): compared fits agree in both."""


def in_turn(pairs: int, folds: int, first_seed: int) -> tuple[Pair, ...]:
    """So many pairs: the folds in turn, then again with the next seed."""
    return tuple((i % folds, first_seed + i // folds) for i in range(pairs))


def fresh(pairs: int, folds: int, first_seed: int) -> tuple[Pair, ...]:
    """So many pairs: the folds in turn, each with a seed of its own."""
    return tuple((i % folds, first_seed + i) for i in range(pairs))


@dataclass(frozen=True)
class PairedDesign:
    """Where arms meet: the scored set, and the pairs. An arm is a spec; what it says of the set,
    the fold and the seed is replaced."""

    family: Family
    """The set whose faces score."""
    pairs: tuple[Pair, ...]
    """An arm has one fit each; stages with other seeds are fresh."""

    def specs(self, arm: FitSpec) -> list[FitSpec]:
        """The fits of one arm, one a pair. Each round of the folds is dealt anew, by the seed it
        begins with: what a treatment does to one deal alone is then drawn as often as the seed,
        and not once for each of two folds."""
        folds = arm.split.folds
        return [
            arm.everywhere(
                split=replace(
                    arm.split, family=self.family, fold=fold, seed=self.pairs[n - n % folds][1]
                ),
                seed=seed,
            )
            for n, (fold, seed) in enumerate(self.pairs)
        ]

    def run(
        self, arms: Sequence[FitSpec], session: Session, fits: Fits, on_outcome: OnOutcome | None
    ) -> list[list[FitResult]]:
        """The results of every arm, in order of the pairs. Raises UserError where one failed."""
        by_arm = [self.specs(arm) for arm in arms]
        # Pair by pair: neighbours in time differ in arm, so no two render the same copies.
        in_turn = [spec for together in zip(*by_arm, strict=True) for spec in together]
        session.run_fits(in_turn, fits, on_outcome)
        return [[_whole(spec, fits) for spec in specs] for specs in by_arm]


def differences(arm: Sequence[FitResult], control: Sequence[FitResult]) -> list[float]:
    """Held-out RMSE minus the control's in px, pair by pair, as far as the arm reaches."""
    return [a.rmse - c.rmse for a, c in zip(arm, control, strict=False)]


def compared(arm: Sequence[FitResult], control: Sequence[FitResult]) -> Comparison:
    """The evidence on an arm: see ``evidence.compare``."""
    return compare([errors(result) for result in arm], [errors(result) for result in control])


def errors(result: FitResult) -> FitErrors:
    """What the fit got wrong on its held-out faces."""
    return FitErrors(
        fold=result.spec.split.fold,
        seed=result.spec.seed,
        group=result.group,
        squared=result.squared.sum(axis=1),
        count=2 * result.labelled.sum(axis=1),
        train_faces=result.train_faces,
        train_rmse=result.train_rmse,
        half_rmse=result.half_rmse,
    )


def _whole(spec: FitSpec, fits: Fits) -> FitResult:
    outcome = fits.get(spec)
    if isinstance(outcome, FitResult):
        return outcome
    reason = outcome.reason if isinstance(outcome, Failed) else "its result vanished"
    raise UserError(
        f"a fit the evidence needs failed: {reason} ({spec.name}, fold {spec.split.fold}, "
        f"seed {spec.seed}, policy {[step.transform for step in spec.policy.steps] or 'none'}); "
        "give more faces, or a larger --preset"
    )
