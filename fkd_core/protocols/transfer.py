"""Transfer: what a policy that one network found changes on others, which did not choose it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fkd_core.augment.policy import Policy
from fkd_core.evidence import Comparison
from fkd_core.fitting.fits import Fits, OnOutcome
from fkd_core.fitting.spec import FitSpec
from fkd_core.running.session import Session
from fkd_core.studies.paired import PairedDesign, compared, fresh

FIRST_SEED = 700
"""Of the pairs; the stages of a search have lower ones."""


@dataclass(frozen=True)
class Network:
    """One that is to train under the policy."""

    name: str
    spec: FitSpec
    """Its fit under the augmentations that it else trains under."""
    instead: str
    """Whose these are."""


@dataclass(frozen=True)
class Transfer:
    """What the policy changes on one network."""

    network: str
    pipeline: str
    instead: str
    """Whose augmentations it is compared with."""
    comparison: Comparison
    """The policy against these."""


@dataclass(frozen=True)
class TransferPlan:
    """Where a policy meets what networks else train under."""

    networks: Sequence[Network]
    pairs: int
    """(fold, seed) a network."""
    seed: int

    @property
    def fits(self) -> int:
        """How many there are, the first stages of cascades not counted."""
        return 2 * self.pairs * len(self.networks)

    @property
    def design(self) -> PairedDesign:
        """On set confirm, with seeds not used before."""
        folds = {network.spec.split.folds for network in self.networks}
        (shared,) = folds
        return PairedDesign("confirm", fresh(self.pairs, shared, 1000 * self.seed + FIRST_SEED))

    def arms(self, policy: Policy) -> list[FitSpec]:
        """Two a network: as it else trains, and under the policy. First stages stay as they
        are."""
        alone = [network.spec for network in self.networks]
        under = [replace(spec, policy=policy) for spec in alone]
        return [arm for both in zip(alone, under, strict=True) for arm in both]

    def keys(self, policy: Policy, fits: Fits) -> tuple[str, ...]:
        """Of all fits that it rests on."""
        arms = self.arms(policy)
        return tuple(fits.key(spec) for arm in arms for spec in self.design.specs(arm))


def transferred(
    plan: TransferPlan,
    policy: Policy,
    session: Session,
    fits: Fits,
    on_outcome: OnOutcome | None = None,
) -> list[Transfer]:
    """What the policy changes on each network, negative where it helps.

    The set is the one the policy was chosen on, by another network, so what two networks have in
    common flatters it a little. Nothing is chosen here but whether each of these networks trains
    under it. Raises UserError where a fit failed.
    """
    arms = plan.design.run(plan.arms(policy), session, fits, on_outcome)
    return [
        Transfer(network.name, network.spec.pipeline, network.instead, compared(under, alone))
        for network, alone, under in zip(plan.networks, arms[::2], arms[1::2], strict=True)
    ]
