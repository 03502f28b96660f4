"""What a results folder holds of a run, read once for its page; what is not there is empty."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from fkd_core.audit.kept import Points, read_points
from fkd_core.augment.policy import Policy
from fkd_core.data.faces import Faces
from fkd_core.data.kaggle import Competition
from fkd_core.ensemble.said import Said, read_said
from fkd_core.evidence import Verdict
from fkd_core.files import read_json
from fkd_core.findings.scorings import scorings
from fkd_core.fitting.fits import DATA
from fkd_core.fitting.store import FitStore
from fkd_core.inventory import Inventory, KeptStudy, take
from fkd_core.inventory.files import mapping
from fkd_core.report.augmentation import read_verdicts
from fkd_core.runs import NOTE, Run
from fkd_core.tables import Cells, rows_of

CURVES = 240
"""How many fits' learning curves are read at most; of more, every n-th."""


@dataclass(frozen=True)
class Places:
    """Where a run's files lie."""

    run: Run
    results: Path
    """With what all runs share."""
    storage_url: str
    storage_given: bool = False
    """Whether somebody named it: then it must be there."""
    page: Path | None = None
    """Folder that the page lies in; the run's, where none is given."""


@dataclass(frozen=True, eq=False)
class Curve:
    """How one fit learned."""

    model: str
    pipeline: str
    family: str
    fold: int
    seed: int
    bare: bool
    """Whether it trained without augmentation."""
    rmse: float
    """On the faces it held out, at the end, px."""
    held_out: NDArray[Any]
    """[E] px, NaN where not looked at."""
    train: NDArray[Any]
    """[E] px, while training."""


@dataclass(frozen=True, eq=False)
class Found:
    """All that a page shows."""

    places: Places
    competition: Competition | None = None
    """None where the run's data could not be read."""
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """config.json of the folders augmentation, tuning and ensemble."""
    verdicts: Mapping[str, Sequence[Verdict]] = field(default_factory=dict)
    """By pipeline, as all here."""
    meetings: Mapping[str, Sequence[Cells]] = field(default_factory=dict)
    transfers: Mapping[str, Sequence[Cells]] = field(default_factory=dict)
    policies: Mapping[str, tuple[Policy, Mapping[str, Any]]] = field(default_factory=dict)
    """With what made each."""
    tuned: Sequence[Cells] = ()
    ledger: Sequence[Cells] = ()
    candidates: Mapping[tuple[str, str], Sequence[Cells]] = field(default_factory=dict)
    """By pipeline and model."""
    studies: Sequence[KeptStudy] = ()
    fits: Sequence[Mapping[str, Any]] = ()
    """One row a fit in the store."""
    curves: Sequence[Curve] = ()
    tables: Mapping[str, Sequence[Cells]] = field(default_factory=dict)
    """The ensemble's, by the name of their file."""
    said: Mapping[str, Said] = field(default_factory=dict)
    """By source."""
    submitted: Mapping[str, Any] = field(default_factory=dict)
    """submission.json"""
    suspects: Sequence[Cells] = ()
    """All faces that were audited, those with the most suspect labels first."""
    suspect_points: Points | None = None
    """Of the first of them."""
    label_effects: Sequence[Cells] = ()
    """What changed labels changed in training."""
    scorings: int = 0
    """How often set final of these pictures was scored, by whatever run."""

    @property
    def gallery(self) -> str | None:
        """Address of the suspect labels' gallery, from where the page lies; None without one."""
        path = self.places.run.audit / "gallery.html"
        if not path.exists():
            return None
        return quote(os.path.relpath(path, (self.places.page or self.places.run.folder)))

    @property
    def faces(self) -> Faces | None:
        """Those of the run."""
        return self.competition.training if self.competition else None

    @property
    def options(self) -> Mapping[str, Any]:
        """Of the furthest command that ran: the ensemble's before those of tuning and search."""
        for name in ("ensemble", "tuning", "augmentation", "audit"):
            if options := self.configs.get(name, {}).get("options"):
                return {**options, "results": str(self.places.results)}
        return {"results": str(self.places.results)}

    def made_by(self, name: str) -> Mapping[str, Any]:
        """What made the files of one of the folders."""
        told = self.configs.get(name, {}).get("made_by")
        return told if isinstance(told, dict) else {}


def gather(places: Places, competition: Competition | None) -> Found:
    """Reads what is there."""
    stock = take(places.results, places.storage_url, given=places.storage_given)
    fits = _of_faces(stock, competition.training.fingerprint if competition else None)
    every = {str(fit.row["key"])[:16] for fit in stock.fits}
    own = {str(row["key"])[:16] for row in fits}
    folders = {
        "augmentation": places.run.augmentation,
        "tuning": places.run.tuning,
        "ensemble": places.run.ensemble,
        "audit": places.run.audit,
    }
    verdicts = {}
    for pipeline, path in places.run.tables("verdicts").items():
        with contextlib.suppress(OSError, ValueError, KeyError):
            verdicts[pipeline] = read_verdicts(path)
    return Found(
        places,
        competition,
        {name: read_json(folder / "config.json") for name, folder in folders.items()},
        verdicts,
        _rows(places.run.tables("meeting")),
        _rows(places.run.tables("transfer")),
        dict(_policies(places.run.policy)),
        rows_of(places.run.tuned),
        rows_of(places.run.tuning / "ledger.csv"),
        {
            (path.parent.name, path.name.removesuffix("-candidates.csv")): rows_of(path)
            for path in sorted(places.run.tuning.glob("*/*-candidates.csv"))
        },
        [s for s in stock.studies if own & {*s.fits} or not every & {*s.fits}],
        fits,
        _curves(stock.store, fits),
        {path.stem: rows_of(path) for path in sorted(places.run.ensemble.glob("*.csv"))},
        read_said(places.run.ensemble),
        read_json(places.run.submission.with_suffix(".json")),
        rows_of(places.run.audit / "suspects.csv"),
        read_points(places.run.audit),
        rows_of(places.run.audit / "effect.csv"),
        scorings(places.results, mapping(read_json(places.run.folder / NOTE).get("made_by"))),
    )


def _rows(tables: Mapping[str, Path]) -> dict[str, list[dict[str, str]]]:
    """Of each table that has some."""
    return {name: rows for name, path in tables.items() if (rows := rows_of(path))}


def cell(row: Cells, name: str) -> float | None:
    """A number of a row; None where the cell is empty or there is no such column."""
    try:
        value = float(row.get(name) or "nan")
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def estimate(row: Cells, name: str) -> tuple[float | None, float | None, float | None]:
    """A value of a row, with the ends of its interval where there are any."""
    return cell(row, name), cell(row, f"{name}_low"), cell(row, f"{name}_high")


def three(row: Cells, *names: str) -> tuple[float | None, float | None, float | None]:
    """A value and the ends of its interval, from columns of these three names."""
    value, low, high = names
    return cell(row, value), cell(row, low), cell(row, high)


def _policies(path: Path) -> Iterator[tuple[str, tuple[Policy, Mapping[str, Any]]]]:
    for pipeline, entry in read_json(path).items():
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            yield pipeline, (Policy.from_json(entry["policy"]), entry.get("made_by") or {})


def _of_faces(stock: Inventory, fingerprint: str | None) -> list[Mapping[str, Any]]:
    """The rows of the fits that learned from these faces; of all where they are not known."""
    rows = [fit.row for fit in stock.fits]
    return [row for row in rows if fingerprint is None or row.get(DATA) == fingerprint[:16]]


def _curves(store: FitStore | None, rows: Sequence[Mapping[str, Any]]) -> list[Curve]:
    if store is None:
        return []
    whole = [row for row in rows if not row.get("failure")]
    found = []
    for row in whole[:: 1 + len(whole) // CURVES]:
        stored = store.get(str(row["key"]))
        if stored is None:
            continue
        found.append(
            Curve(
                str(row["model"]),
                str(row["pipeline"]),
                str(row["family"]),
                int(row["fold"]),
                int(row["seed"]),
                not row.get("policy"),
                float(row["rmse"]),
                stored.arrays["history.held_out_rmse"],
                stored.arrays["history.train_rmse"],
            )
        )
    return found
