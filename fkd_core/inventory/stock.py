"""Stock-taking: what is kept in a results folder and in its studies' storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optuna.trial import FrozenTrial
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from fkd_core.errors import UserError
from fkd_core.files import read_json
from fkd_core.fitting.store import WEIGHTS, FitStore
from fkd_core.inventory.files import File, files_below, grouped, mapping, total
from fkd_core.inventory.kept import KeptFit, KeptRun, KeptStudy, Outcome
from fkd_core.runs import NOTE, Run, older_outcomes, runs_in
from fkd_core.studies import rows
from fkd_core.studies.storage import Storage, open_storage, without_password


@dataclass(frozen=True)
class Inventory:
    """Everything below a results folder."""

    folder: Path
    parts: Mapping[str, Sequence[File]]
    """All files, by the folder or file right below this one that they belong to."""
    runs: Sequence[KeptRun]
    studies: Sequence[KeptStudy]
    fits: Sequence[KeptFit]
    """Oldest first."""
    weights: Mapping[str, File]
    """Key to weights, also of fits whose result is gone."""
    store: FitStore | None
    """None where nothing was ever fitted."""
    storage: Storage | None
    """None where nothing was ever searched."""

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """What commands wrote into the runs."""
        return [outcome for run in self.runs for outcome in run.outcomes]

    @property
    def artifacts(self) -> Sequence[File]:
        """The pictures on the dashboard's pages of trials."""
        return self.parts.get("artifacts", ())

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(total(files) for files in self.parts.values())

    @property
    def caches(self) -> Mapping[str, Sequence[File]]:
        """The files of each cache; all of it can be made again."""
        return grouped(self.folder / "cache", self.parts.get("cache", ()))

    def check_idle(self, studies: Iterable[str]) -> None:
        """Raises UserError where a driver is searching one of these studies."""
        for study in studies:
            if self.storage is not None and self.storage.in_use(study):
                raise UserError(
                    f"study {study} is being searched now; stop that run first (Ctrl-C)"
                )

    def warnings(self, storage_url: str) -> list[str]:
        """Where commands kept their studies in another storage, which then is not seen here, and
        what no command reads any more."""
        seen = without_password(storage_url)
        others = {
            without_password(str(given)): outcome.name
            for outcome in self.outcomes
            if (given := mapping(outcome.config.get("options")).get("storage"))
        }
        older = ", ".join(older_outcomes(self.folder))
        unread = [f"{older} in {self.folder}: of an older version, and not read any more."]
        return (unread if older else []) + [
            f"{name} kept its studies in {url}: without that --storage they, and what they need, "
            "are not seen."
            for url, name in others.items()
            if url != seen
        ]


def take(folder: Path, storage_url: str, given: bool) -> Inventory:
    """Takes stock of a results folder; one that is not there is empty.

    `given` says that somebody named this storage: then it must be there. Raises UserError where
    it is not, or cannot be opened.
    """
    parts = grouped(folder, list(files_below(folder)))  # before the store clears up
    store = FitStore(folder / "fits") if (folder / "fits").is_dir() else None
    storage = _existing(storage_url, given)
    kept = [file for file in parts.get("fits", ()) if file.where.endswith(WEIGHTS)]
    weights = {file.path.name.removesuffix(WEIGHTS): file for file in kept}
    found = store.rows() if store else []
    return Inventory(
        folder=folder,
        parts=parts,
        runs=[_run(run, parts.get(run.name, ())) for run in runs_in(folder)],
        studies=_studies(storage) if storage else [],
        fits=[KeptFit(row, weights.get(row["key"])) for row in found],
        weights=weights,
        store=store,
        storage=storage,
    )


def _run(run: Run, files: Sequence[File]) -> KeptRun:
    parts = grouped(run.folder, files)
    configs = sorted(run.folder.glob("*/config.json"))
    return KeptRun(
        run,
        mapping(read_json(run.folder / NOTE).get("made_by")),
        [_outcome(config, parts.get(config.parent.name, ())) for config in configs],
        [name for name in parts if name != NOTE],
        total(files),
    )


def _outcome(config: Path, files: Sequence[File]) -> Outcome:
    return Outcome(config.parent, read_json(config), config.stat().st_mtime, total(files))


def _studies(storage: Storage) -> list[KeptStudy]:
    def reader(study: int) -> Callable[[bool], Sequence[FrozenTrial]]:
        return lambda whole: list(
            rows.trials(storage.optuna, rows.heads(storage.optuna, study), whole)
        )

    return [
        KeptStudy(study.study_name, study.user_attrs, reader(study._study_id))
        for study in sorted(storage.optuna.get_all_studies(), key=lambda each: each.study_name)
    ]


def _existing(url: str, given: bool) -> Storage | None:
    """The storage; None where it is an SQLite file that nobody made yet, which stays so."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return open_storage(url)  # says what is wrong with it
    if parsed.get_backend_name() != "sqlite" or Path(parsed.database or "").is_file():
        return open_storage(url)
    if given:
        raise UserError(f"--storage: {without_password(url)} is not there; give an existing one")
    return None
