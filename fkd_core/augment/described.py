"""A policy in physical units, for people."""

from __future__ import annotations

from fkd_core.augment.policy import Policy
from fkd_core.augment.transforms import TRANSFORMS


def described(policy: Policy) -> list[str]:
    """What each step does, and how often.

    >>> from fkd_core.augment.policy import Step
    >>> described(Policy((Step("rotation", 0.5, 0.4), Step("mirror", 1.0))))
    ['rotation (±10.4 degrees) in 50% of copies', 'mirror in 100% of copies']
    """
    steps = []
    for step in policy.steps:
        transform = TRANSFORMS[step.transform]
        words = step.transform
        if transform.has_strength:
            weakest, strongest = transform.describe(0.0), transform.describe(1.0)
            drawn = f"anything from {weakest} to {strongest}"
            much = drawn if step.strength is None else transform.describe(step.strength)
            words += f" ({much}{'' if step.share == 1 else f', times {step.share:g}'})"
        if policy.choice == "all":
            words += f" in {step.probability:.0%} of copies"
        steps.append(words)
    return steps
