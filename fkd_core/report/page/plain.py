"""Numbers and settings in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.evidence import EQUIVALENT, HARMFUL, HELPFUL, NOT_CONFIRMED

LOOKS = {HELPFUL: "good", HARMFUL: "bad", EQUIVALENT: "same"}
"""Verdict to a colour of the style; all others are ``unsure``."""


PURPOSES = {
    "search": "choosing (set search)",
    "confirm": "confirming (set confirm)",
    "final": "scoring (set final)",
    "all": "the ensemble's folds",
}
"""What fits are for, by the set whose faces they hold out."""


def look(verdict: str) -> str:
    """The colour of a verdict."""
    return LOOKS.get(verdict, "unsure")


def setting(transform: str, strength: float | None, share: float = 1.0) -> str:
    """A strength in the transform's own unit; empty for a transform without one."""
    known = TRANSFORMS.get(transform)
    if known is not None and not known.has_strength:
        return ""
    if strength is None:
        return "anew each time" if known is None else between(transform)
    if known is None:
        return f"strength {strength:.2g}"
    return known.meaning.format(known.amount(strength, share))


def between(transform: str) -> str:
    """The whole range of a transform's strengths."""
    known = TRANSFORMS[transform]
    return f"from {known.describe(0.0)} to {known.describe(1.0)}"


def named(transform: str, strength: float | None = None) -> str:
    """A transform as people call it, with its setting."""
    how = setting(transform, strength) if strength is not None else ""
    return f"{transform.replace('_', ' ')}{f', {how}' if how else ''}"


def step_in_words(step: Step, often: bool = True) -> str:
    """One step of a policy."""
    how = setting(step.transform, step.strength, step.share)
    chance = f" in {step.probability:.0%} of the copies" if often else ""
    return f"{step.transform.replace('_', ' ')}{f', {how}' if how else ''}{chance}"


def policy_in_words(policy: Policy) -> str:
    """A policy as one sentence."""
    if not policy:
        return "None: every copy is the original."
    steps = [step_in_words(step, policy.choice == "all") for step in policy.steps]
    if policy.choice == "one":
        return f"Each copy gets one of these or nothing, by chance: {'; '.join(steps)}."
    return f"Each copy gets, independently: {'; '.join(steps)}."


def px(value: float | None, signed: bool = False) -> str:
    """Pixels to a thousandth."""
    return "" if value is None else f"{value:+.3f}" if signed else f"{value:.3f}"


def interval(
    value: float | None, low: float | None, high: float | None, signed: bool = False
) -> str:
    """A value with its 95% interval, px."""
    if value is None:
        return ""
    if low is None or high is None:
        return px(value, signed)
    return f"{px(value, signed)} ({px(low, signed)} .. {px(high, signed)})"


def hours(seconds: float) -> str:
    """Time of workers, in the unit that fits it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def verdict_in_words(verdict: str) -> str:
    """A verdict beside its row."""
    return "not confirmed" if verdict == NOT_CONFIRMED else verdict
