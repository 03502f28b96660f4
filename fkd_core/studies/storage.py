"""The storage of studies: Optuna's, with the locks of the drivers that work in it."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.trial import TrialState
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from fkd_core.errors import UserError
from fkd_core.studies.locks import Alone, FileLocks, Locks, ServerLocks

optuna.logging.set_verbosity(optuna.logging.WARNING)
logging.getLogger("optuna").setLevel(logging.WARNING)

LOCKED_SECONDS = 60
"""How long SQLite waits for another process that writes, the dashboard for instance."""


@dataclass(frozen=True)
class Storage:
    """Where studies are kept. Made by ``open_storage``; without arguments, in memory."""

    optuna: BaseStorage = field(default_factory=InMemoryStorage)
    locks: Locks = field(default_factory=Alone)

    def sweep(self) -> int:
        """Marks the running trials of drivers that are gone as waiting; gives their number.

        Those of a living driver are its own and stay as they are.
        """
        swept = 0
        for study in self.optuna.get_all_studies():
            for number, trial in self._running(study._study_id).items():
                what = trial_lock(study.study_name, number)
                lock = what if self.locks.many else study.study_name
                if not self.locks.take(lock):
                    continue
                if number in self._running(study._study_id):  # it may have ended meanwhile
                    self.optuna.set_trial_state_values(trial, TrialState.WAITING)
                    swept += 1
                self.locks.release(lock)
        return swept

    def in_use(self, study: str) -> bool:
        """Whether a driver works at this study now."""
        ids = {s.study_name: s._study_id for s in self.optuna.get_all_studies()}
        running = self._running(ids[study]) if study in ids else {}
        locks = [trial_lock(study, number) for number in running]
        for lock in locks if self.locks.many else [study]:
            if not self.locks.take(lock):
                return True
            self.locks.release(lock)
        return False

    def _running(self, study: int) -> dict[int, int]:
        """Ids of the running trials, by number."""
        states = (TrialState.RUNNING,)
        trials = self.optuna.get_all_trials(study, deepcopy=False, states=states)
        return {trial.number: trial._trial_id for trial in trials}


def trial_lock(study: str, number: int) -> str:
    """What a driver locks that works at one trial."""
    return f"{study} trial {number}"


def open_storage(url: str) -> Storage:
    """The storage at an SQLAlchemy URL: SQLite's for one driver, PostgreSQL's for several.

    Raises UserError where it cannot be opened, without the URL's password.
    """
    shown = "this URL"
    try:
        parsed = make_url(url)
        shown = without_password(url)
        if parsed.get_backend_name() == "sqlite":
            wait = {"connect_args": {"timeout": LOCKED_SECONDS}}
            with _making(parsed.database or ":memory:"):
                return Storage(RDBStorage(url, engine_kwargs=wait), _file_locks(parsed))
        if parsed.get_backend_name() == "postgresql":
            locks = ServerLocks(url)
            with locks.turn("tables"):  # Optuna's drivers get in each other's way making them
                return Storage(RDBStorage(url), locks)
    except Exception as error:  # SQLAlchemy's and the drivers' own: too many to name
        reason = str(error).splitlines()[0]
        raise UserError(
            f"--storage: Optuna cannot open {shown} ({reason}); give a URL like "
            "sqlite:///results/studies.db or postgresql+psycopg://user@host/database"
        ) from error
    raise UserError(
        f"--storage: {shown} is neither SQLite nor PostgreSQL; give a URL like "
        "sqlite:///results/studies.db or postgresql+psycopg://user@host/database"
    )


def _making(database: str) -> AbstractContextManager[object]:
    """Waits until no other process makes the tables of an SQLite file: Optuna's drivers get in
    each other's way. Where they are there already nothing is locked, nor written."""
    if database == ":memory:" or _made(Path(database)):
        return nullcontext()
    locks = Path(f"{database}.locks")
    if locks.parent.is_dir():  # else Optuna says that it cannot be opened
        locks.mkdir(exist_ok=True)
        return FileLock(locks / "tables.lock")
    return nullcontext()


def _made(database: Path) -> bool:
    """Whether Optuna's tables are there, of which the note on their version is written last."""
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as file:
            return file.execute("select * from alembic_version").fetchone() is not None
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:  # it is none, as Optuna will say
        return True


def without_password(url: str) -> str:
    """The URL as it may be shown and kept."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "this URL"


def _file_locks(url: URL) -> Locks:
    if url.database in (None, "", ":memory:"):
        return Alone()
    return FileLocks(Path(f"{url.database}.locks"))
