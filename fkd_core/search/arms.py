"""Arms: the same fits under different policies, paired by fold and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fkd_core.augment.policy import Policy
from fkd_core.data.folds import Family
from fkd_core.errors import UserError
from fkd_core.evidence import Comparison, FitErrors, compare
from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.result import Failed, FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.running.session import Session

Pair = tuple[int, int]
"""(fold, seed): compared fits agree in both."""


@dataclass(frozen=True)
class Arena:
    """Where arms meet: the fit all of them share, the scored set, and the pairs."""

    base: FitSpec
    """The control's fit; arms differ from it in their policy alone."""
    family: Family
    """The set whose faces score."""
    first_seed: int
    """Seeds count up from here; stages with other seeds are fresh."""
    pairs: int
    """How many fits an arm has: folds in turn, then the next seed."""

    def specs(self, policy: Policy) -> list[FitSpec]:
        """The fits of one arm, one a pair."""
        split = replace(self.base.split, family=self.family)
        return [
            replace(
                self.base,
                policy=policy,
                split=replace(split, fold=i % split.folds),
                seed=self.first_seed + i // split.folds,
            )
            for i in range(self.pairs)
        ]

    def run(
        self, arms: Sequence[Policy], session: Session, fits: Fits, on_outcome: OnOutcome | None
    ) -> list[list[FitResult]]:
        """The results of every arm, in order of the pairs. Raises UserError where one failed."""
        by_arm = [self.specs(policy) for policy in arms]
        # Pair by pair: neighbours in time differ in policy, so no two render the same copies.
        in_turn = [spec for together in zip(*by_arm, strict=True) for spec in together]
        session.run_fits(in_turn, fits, on_outcome)
        return [[_whole(spec, fits) for spec in specs] for specs in by_arm]


def differences(arm: Sequence[FitResult], control: Sequence[FitResult]) -> list[float]:
    """Held-out RMSE minus the control's in px, pair by pair, as far as the arm reaches."""
    return [a.rmse - c.rmse for a, c in zip(arm, control, strict=False)]


def compared(arm: Sequence[FitResult], control: Sequence[FitResult]) -> Comparison:
    """The evidence on an arm: see ``evidence.compare``."""
    return compare([_errors(result) for result in arm], [_errors(result) for result in control])


def _errors(result: FitResult) -> FitErrors:
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
        f"a fit the evidence needs failed: {reason} (fold {spec.split.fold}, seed {spec.seed}, "
        f"policy {[step.transform for step in spec.policy.steps] or 'none'}); give more faces, or "
        "a larger --preset"
    )
