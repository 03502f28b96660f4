"""Policy: which transforms are in force, how often and how strong. Data only, no pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from fkd_core.reach import Code


@dataclass(frozen=True)
class Step:
    """One transform of a policy."""

    transform: str
    """Name in ``transforms.TRANSFORMS``."""
    probability: float = 0.5
    """Chance that a copy gets it, 0..1."""
    strength: float | None = 0.5
    """0 (weakest setting worth having) to 1; None draws it uniformly anew for every copy."""
    share: float = 1.0
    """How much of the amount that the strength stands for is applied, above 0 to 1: 0.4 of ±8
    degrees is ±3.2 degrees. So a step can be weaker than the weakest strength."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"probability of {self.transform} is {self.probability}, not 0..1")
        if self.strength is not None and not 0.0 <= self.strength <= 1.0:
            raise ValueError(f"strength of {self.transform} is {self.strength}, not 0..1")
        if not 0.0 < self.share <= 1.0:
            raise ValueError(f"share of {self.transform} is {self.share}, not above 0 to 1")


@dataclass(frozen=True)
class Policy:
    """Augmentations in force during a fit. The empty policy leaves every copy an original."""

    steps: tuple[Step, ...] = ()
    choice: Literal["all", "one"] = "all"
    """``all``: every step applies with its own probability. ``one``: each copy gets exactly one
    step or nothing, drawn uniformly whatever the probabilities (TrivialAugment, Mueller and
    Hutter 2021, arXiv 2103.10158)."""

    def __bool__(self) -> bool:
        return bool(self.steps)

    def lighter(self, share: float) -> Policy:
        """The same steps as often, each with this share (above 0 to 1) of its amount."""
        return replace(self, steps=tuple(replace(s, share=s.share * share) for s in self.steps))

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; ``Policy.from_json`` gives the policy back."""
        data = asdict(self)
        data["steps"] = list(data["steps"])
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Policy:
        """The policy that ``to_json`` wrote. Raises ValueError for anything else."""
        try:
            steps = tuple(Step(**step) for step in data["steps"])
            return cls(steps, data["choice"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a policy: {data!r} ({error})") from error

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the JSON form."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def rendering_of(transforms: Iterable[str], code: Code) -> set[str]:
    """The modules that render transforms of these names: their own files and the renderer; none
    for none."""
    folder = "fkd_core.augment.transforms"
    named = {f"{folder}.{name}" for name in transforms}
    return named and {"fkd_core.augment.draw", *(module for module in named if code.has(module))}
