"""The options that every experiment has, and what follows from them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import URL

from fkd_core import needs
from fkd_core.data.demo import demo_folder, is_drawn
from fkd_core.data.faces import Faces
from fkd_core.data.grouping import photographs
from fkd_core.data.kaggle import Competition, load_competition
from fkd_core.errors import UserError, did_you_mean
from fkd_core.fitting.checkpoints import Checkpoints, located
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.store import FitStore
from fkd_core.needs import Need
from fkd_core.options import option
from fkd_core.running.place import Place
from fkd_core.runs import Run, older_outcomes, run_of
from fkd_core.sources import PIPELINES
from fkd_core.terminal import console, say

STORE_BYTES = 60_000_000_000
"""The store drops the weights used least recently beyond this size; results stay."""

MOST_SEED = 4_000_000
"""Stages count theirs from a thousand times the seed on, and Keras takes none from 2**32 on."""
MOST_TIME = 1_000_000
"""Minutes and device-hours; clocks cannot be set to many times that."""
SIZES = ("trials", "epochs", "faces", "pairs", "folds", "gpu_hours")
"""Options that stand in place of what a preset buys."""


@dataclass(frozen=True)
class Options:
    """Options that every experiment has."""

    data: Path | None = None
    """Folder or archive with the competition's files; without it, the embedded demo faces."""
    results: Path = Path("results")
    """Folder for everything that is written."""
    run: str | None = None
    """Folder below --results for the outcomes, and to read earlier ones from; without it, it is
    called as the data is."""
    corrections: Path | None = None
    """Table of corrected labels: CSV with columns image (SHA-256 of its pixels), keypoint, x, y,
    version."""
    preset: Literal["smoke", "quick", "full"] = "quick"
    """How much evidence to buy: minutes, or an hour and more."""
    seed: int = 0
    """The same seed gives the same search, whatever the timing or the number of stops."""
    storage: str | None = None
    """Optuna storage URL; without it, studies.db in the results folder."""
    address: str | None = field(default_factory=lambda: os.environ.get("RAY_ADDRESS"))
    """A running Ray cluster to join, as `ray start --head` prints it, or `auto`; without it, what
    RAY_ADDRESS says, else this machine alone."""
    gpus_per_trial: float | Literal["auto"] | None = None
    """GPUs a trial holds, for example 0.25, or `auto`: as a first fit of each model shows that it
    needs; without it, a quarter where there are GPUs."""
    checkpoints: str | None = None
    """Folder or fsspec URL that every machine reaches: long fits go on from there when their
    machine is lost."""
    fit_minutes: float | None = None
    """A fit that takes longer hangs: it is stopped, and its trial fails."""
    minutes: float | None = None
    """Stop after so long, as Ctrl-C does: the same command goes on."""
    config: Path | None = None
    """A config.json that an earlier run wrote: its options hold where the command line says
    nothing else."""
    dry_run: bool = False
    """Say how many fits there would be and about how long they take, and do nothing."""

    ROOM: ClassVar = needs.LEAST_ROOM
    """Bytes that must be free where the results lie."""

    @property
    def given(self) -> dict[str, float]:
        """The sizes that were asked for in place of the preset's, by option."""
        found = {name: getattr(self, name, None) for name in SIZES}
        return {name: size for name, size in found.items() if size is not None}

    @property
    def only_plans(self) -> bool:
        """Whether it is only said what would be done: that leaves no trace and needs nothing."""
        return self.dry_run

    @property
    def cache(self) -> Path:
        """Folder for what can be made again: parsed files and renderings."""
        return self.results / "cache"

    @property
    def needs(self) -> list[Need]:
        """What must be there besides files, known before anything is done."""
        if self.only_plans:
            return []
        return [
            needs.writable(self.results, "--results"),
            needs.room(self.results, self.ROOM),
            *needs.temporary(),
            *needs.storage(self.storage),
            *needs.cluster(self.address),
        ]

    @property
    def artifacts(self) -> Path:
        """Folder for the pictures on the dashboard's pages."""
        return self.results / "artifacts"

    @property
    def outcomes(self) -> Run:
        """The run: where outcomes on this data lie. Raises UserError for an impossible name."""
        return run_of(self.results, self.data, self.run)

    @property
    def storage_url(self) -> str:
        """The Optuna storage."""
        if self.storage:
            return self.storage
        database = str((self.results / "studies.db").resolve())
        return URL.create("sqlite", database=database).render_as_string()

    @property
    def place(self) -> Place:
        """Where fits run."""
        return Place(
            cache=self.cache / "copies",
            address=self.address,
            gpus_per_trial=self.gpus_per_trial,
            checkpoints=located(self.checkpoints) if self.checkpoints else None,
            fit_minutes=self.fit_minutes,
        )

    def load(self) -> Competition:
        """The competition's files, or the demo's. Raises UserError where they are not sound, or
        where the run holds outcomes on other pictures."""
        older = older_outcomes(self.results)
        if older:
            say(
                f"{', '.join(older)} in {self.results} are of an older version and not read any "
                f"more; outcomes now go to {self.outcomes.folder}."
            )
        competition = self.read()
        self.outcomes.check(competition.training.pictures)
        return competition

    def read(self) -> Competition:
        """The competition's files, or the demo's, for whatever run. Raises UserError where they
        are not sound."""
        if self.data is None:
            console.print("No --data, so the demo faces: drawn by this program, no photographs.")
        else:
            say(f"Reading {self.data}.")
        with console.status("reading the files"):
            folder = self.data or self._demo
            competition = load_competition(
                folder, self._read, self.corrections, look_only=self.only_plans
            )
        for note in competition.notes if self.data else ():
            console.print(f"  {note}", style="dim", soft_wrap=True)
        return competition

    def photographs(self, faces: Faces) -> NDArray[np.uint64]:
        """[N] which faces show one photograph, by their pixels; see ``grouping.photographs``."""
        with console.status("looking for photographs that are there twice"):
            return photographs(np.asarray(faces.images), self._read, look_only=self.only_plans)

    @property
    def _read(self) -> Path:
        """Folder for what reading found; a plan only looks there."""
        return self.cache / "faces"

    @property
    def _demo(self) -> Path:
        """The demo's files, drawn if need be: for a plan, in a temporary folder that stays as long
        as the process lives."""
        cache = self.cache / "demo"
        if self.only_plans and not is_drawn(cache):
            cache = Path(_scratch().name)
        return demo_folder(cache)

    def check(self) -> None:
        """Raises UserError for a value that no experiment can use."""
        check_seed(self.seed)
        for name in ("minutes", "fit_minutes", "gpu_hours"):
            given = getattr(self, name, None)
            if given is not None and not 0 < given <= MOST_TIME:
                raise UserError(
                    f"{option(name)}: {given:g} is no time; give more than 0 and at most "
                    f"{MOST_TIME:,}, or leave it out for no limit"
                )
        share = self.gpus_per_trial
        if isinstance(share, int | float) and not (0 <= share <= 1 or share == share // 1 > 1):
            raise UserError(
                f"--gpus-per-trial: {share:g} is no share of a GPU and no number of GPUs; give a "
                "fraction up to 1, or a whole number"
            )
        _ = self.outcomes.made_by  # raises UserError where the name or the note is wrong

    def prepare(self) -> None:
        """Makes the results folder. Raises UserError where checkpoints cannot be kept."""
        if self.only_plans:
            return
        if self.place.checkpoints:
            Checkpoints(self.place.checkpoints).check()
        self.results.mkdir(parents=True, exist_ok=True)

    def would_write(self, folder: Path) -> str:
        """What a dry run says of the folder that this command fills."""
        shared = f"fits, cache and studies in {self.results}"
        return f"A dry run: nothing was written. The command would fill {folder}, and {shared}."

    def fits(self, faces: Faces) -> Fits:
        """The store of results on these faces."""
        store = FitStore(self.results / "fits", STORE_BYTES, look_only=self.only_plans)
        return Fits(store, faces.fingerprint)


def check_seed(seed: int) -> None:
    """Raises UserError for one that fits cannot take."""
    if not 0 <= seed <= MOST_SEED:
        raise UserError(f"--seed: {seed} is no seed; give 0 to {MOST_SEED:,}")


def chosen_pipelines(asked: Sequence[str]) -> tuple[str, ...]:
    """The pipelines that a user means, each once. Raises UserError for none or an unknown one."""
    for name in asked:
        if name not in PIPELINES:
            raise UserError(
                f"--pipelines: there is no {name!r}; {did_you_mean(name, PIPELINES)}choose from "
                f"{', '.join(PIPELINES)}"
            )
    if not asked:
        raise UserError(f"--pipelines: name some of {', '.join(PIPELINES)}")
    return tuple(dict.fromkeys(asked))


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fkd-dry-run-")
