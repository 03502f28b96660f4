"""Locks: which driver works at what.

The operating system or the database server holds a lock for a process, and takes it
back when that process ends, however it ends. So there are no heartbeats, no clocks and no ids of
drivers: work that is marked as running and can be locked was left by a driver that is gone.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout
from sqlalchemy import NullPool, create_engine, text


class Locks(Protocol):
    """What this process holds of one storage. Taking twice is harmless."""

    many: bool
    """Whether several drivers may work at one study; else a study is held as a whole."""

    def take(self, what: str) -> bool:
        """Locks it; False where another process holds it."""

    def release(self, what: str) -> None:
        """Lets it go; harmless where it is not held."""

    def turn(self, what: str) -> AbstractContextManager[object]:
        """Waits until no other process is in this block."""


class Alone:
    """Nobody else can reach the storage: it lies in this process's memory."""

    many = False

    def take(self, what: str) -> bool:
        return True

    def release(self, what: str) -> None:
        """Nothing is held."""

    def turn(self, what: str) -> AbstractContextManager[object]:
        return contextlib.nullcontext()


class FileLocks:
    """Locked files in a folder, for SQLite: one driver a study."""

    many = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, FileLock] = {}

    def take(self, what: str) -> bool:
        if what in self._held:
            return True
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / f"{_digest(what).hex()}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return False
        self._held[what] = lock
        return True

    def release(self, what: str) -> None:
        lock = self._held.pop(what, None)
        if lock is not None:
            lock.release()

    def turn(self, what: str) -> AbstractContextManager[object]:
        return contextlib.nullcontext()  # the study is this driver's alone


class ServerLocks:
    """PostgreSQL's advisory locks, which live as long as one connection: any number of drivers.

    The connection must reach the server itself: a pooler that shares connections among clients
    (PgBouncer's transaction mode) would share the locks too. The server is asked to notice
    within about a minute where a machine vanished without a word.
    """

    many = True

    def __init__(self, url: str) -> None:
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._connection = engine.connect()
        for name, value in (("idle", 30), ("interval", 10), ("count", 3)):
            self._connection.execute(text(f"SET tcp_keepalives_{name} = {value}"))
        self._held: set[str] = set()

    def take(self, what: str) -> bool:
        if what not in self._held and self._call("pg_try_advisory_lock", what):
            self._held.add(what)
        return what in self._held

    def release(self, what: str) -> None:
        if what in self._held:
            self._held.remove(what)
            self._call("pg_advisory_unlock", what)

    @contextlib.contextmanager
    def turn(self, what: str) -> Iterator[None]:
        self._call("pg_advisory_lock", f"turn {what}")
        try:
            yield
        finally:
            self._call("pg_advisory_unlock", f"turn {what}")

    def _call(self, function: str, what: str) -> Any:
        key = int.from_bytes(_digest(what), "big", signed=True)
        return self._connection.execute(text(f"SELECT {function}(:key)"), {"key": key}).scalar()


def _digest(what: str) -> bytes:
    return hashlib.sha256(what.encode()).digest()[:8]
