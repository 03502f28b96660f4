"""Inputs: what a finding rests on, listed in its own file, so that results.py need not guess."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec


@dataclass(frozen=True)
class Inputs:
    """What must stay for a finding to be told, or made, again."""

    studies: tuple[str, ...] = ()
    """By name."""
    fits: tuple[str, ...] = ()
    """By key."""
    weights: tuple[str, ...] = ()
    """By the key of their fit."""
    outcomes: tuple[str, ...] = ()
    """Other folders of the same run, by name."""

    @classmethod
    def of_trained(cls, specs: Iterable[FitSpec], fits: Fits) -> Inputs:
        """These fits, and their weights: those of all stages, for it takes them all to ask one."""
        stages = (stage for spec in specs for stage in spec.stages)
        keys = tuple(dict.fromkeys(map(fits.key, stages)))
        return cls(fits=keys, weights=keys)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary, for the finding's file."""
        return asdict(self)

    @classmethod
    def from_json(cls, listed: object) -> Inputs:
        """What a file lists; nothing where it is of an older version, or damaged."""
        found = listed if isinstance(listed, Mapping) else {}
        return cls(**{name: _names(found.get(name)) for name in cls.__dataclass_fields__})


NOTHING = Inputs()


def _names(listed: object) -> tuple[str, ...]:
    return tuple(map(str, listed)) if isinstance(listed, list | tuple) else ()
