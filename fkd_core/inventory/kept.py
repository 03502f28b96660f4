"""What a results folder keeps: runs with their outcomes, studies, fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from fkd_core.inventory.files import File, mapping
from fkd_core.runs import Run
from fkd_core.studies.costs import Costs

KEY_DIGITS = 16
"""So much of a fit's key a trial names it by."""


@dataclass(frozen=True)
class Outcome:
    """A folder of a run that a command wrote, with the config.json that says which."""

    folder: Path
    config: Mapping[str, Any]
    """Empty where it cannot be read."""
    date: float
    """Of the command's last start, seconds since 1970."""
    bytes: int

    @property
    def name(self) -> str:
        """The run's and the folder's."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def label(self) -> str:
        """What others need it as."""
        return f"outcome {self.name}"

    @property
    def made_by(self) -> Mapping[str, Any]:
        """Command, code version, data fingerprint, seed."""
        return mapping(self.config.get("made_by"))


@dataclass(frozen=True)
class KeptRun:
    """All outcomes on one data set."""

    run: Run
    begun_by: Mapping[str, Any]
    """Of its note: command, data fingerprint, faces; empty where it cannot be read."""
    outcomes: Sequence[Outcome]
    parts: Sequence[str]
    """Names of what lies in its folder, but for its note."""
    bytes: int

    @property
    def name(self) -> str:
        """What --run calls it."""
        return self.run.name

    @property
    def label(self) -> str:
        """What it is called among other things."""
        return f"run {self.name}"

    @property
    def latest(self) -> Outcome | None:
        """What a command wrote last."""
        return max(self.outcomes, key=lambda outcome: outcome.date, default=None)

    @property
    def data(self) -> str:
        """The data, as the last command was given it."""
        if self.latest is None or not self.latest.config:
            return ""
        given = mapping(self.latest.config.get("options")).get("data")
        return str(given) if given else "demo faces"

    @property
    def presets(self) -> list[str]:
        """How much evidence was bought, by any command."""
        return sorted({str(o.made_by["preset"]) for o in self.outcomes if "preset" in o.made_by})

    def has(self, label: str) -> bool:
        """Whether what is called so, an outcome or a file, is a part of it."""
        return label.removeprefix("outcome ").startswith(f"{self.name}/")


@dataclass(frozen=True)
class KeptStudy:
    """A study of Optuna's."""

    name: str
    notes: Mapping[str, Any]
    read: Callable[[bool], Sequence[FrozenTrial]]
    """Gives its trials in order of their numbers: whole, or without parameters and steps, which
    takes a fraction of the time."""

    @cached_property
    def trials(self) -> Sequence[FrozenTrial]:
        """Whole."""
        return self.read(True)

    @cached_property
    def outcomes(self) -> Sequence[FrozenTrial]:
        """Without parameters and steps."""
        return self.read(False)

    @property
    def label(self) -> str:
        """What others need it as."""
        return f"study {self.name}"

    @property
    def states(self) -> Counter[str]:
        """Trials by state."""
        return Counter(trial.state.name for trial in self.outcomes)

    @property
    def best(self) -> FrozenTrial | None:
        """The whole trial with the lowest value."""
        whole = [trial for trial in self.outcomes if trial.state == TrialState.COMPLETE]
        return min(whole, key=lambda trial: (trial.value, trial.number), default=None)

    @property
    def costs(self) -> Costs:
        """What it cost, and what it saved."""
        return Costs.of(self.outcomes)

    @property
    def date(self) -> datetime | None:
        """When something last happened in it."""
        times = [trial.datetime_complete or trial.datetime_start for trial in self.outcomes]
        return max((time for time in times if time is not None), default=None)

    @property
    def fits(self) -> dict[str, int]:
        """First digits of the keys of its trials' fits, and the trial."""
        named: dict[str, int] = {}
        for trial in self.outcomes:
            for start in trial.user_attrs.get("fits", ()):
                named.setdefault(str(start), trial.number)
        return named


@dataclass(frozen=True)
class KeptFit:
    """A fit's result in the store."""

    row: Mapping[str, Any]
    """Key, created, bytes and summary: see ``FitStore.rows``."""
    weights: File | None
    """None where they were not kept."""

    @property
    def key(self) -> str:
        """In the store."""
        return str(self.row["key"])

    @property
    def label(self) -> str:
        """What others need it as."""
        return f"fit {self.key[:KEY_DIGITS]}"

    @property
    def bytes(self) -> int:
        """Of the result and the weights."""
        return int(self.row["bytes"]) + (self.weights.bytes if self.weights else 0)


Kept = KeptRun | Outcome | KeptStudy | KeptFit


def weights_label(key: str) -> str:
    """What others need a fit's weights as."""
    return f"weights {key[:KEY_DIGITS]}"
