"""What searches run on, of which a test may take away: machines, a disk, a database server."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def cluster_of_two() -> Iterator[Any]:
    """A Ray cluster whose head has one CPU; the scene adds, and loses, the second node."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        yield cluster
    finally:
        cluster.shutdown()


PATIENCE = "600"  # seconds, for a server on a busy machine


class SmallDisk:
    """A disk of its own, in memory, seen by the commands inside and from outside."""

    def __init__(self, folder: Path, size: str = "64m") -> None:
        """At this folder, which must be there. Raises OSError where that is not allowed."""
        mount = f"mount -t tmpfs -o size={size} fkd '{folder}' && echo mounted && exec cat"
        self._holder = subprocess.Popen(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", mount],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "mounted\n":
            self.close()
            raise OSError("no disk of one's own can be mounted here")
        target = str(self._holder.pid)
        self.inside = ("nsenter", "--preserve-credentials", "-U", "-m", "-t", target)
        self.seen = Path(f"/proc/{target}/root{folder}")

    def run(self, command: str) -> None:
        """A shell command inside, as root there."""
        subprocess.run([*self.inside, "sh", "-c", command], check=True, capture_output=True)

    def close(self) -> None:
        """Gives it back."""
        self._holder.communicate()  # its end of file ends it


class Postgres:
    """A PostgreSQL server of our own that can be stopped."""

    def __init__(self) -> None:
        """Raises FileNotFoundError where none is installed."""
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not binaries:
            raise FileNotFoundError("no PostgreSQL server here (Debian: postgresql)")
        self._bin, self._databases = binaries[-1].parent, 0
        # Not below pytest's folders, which only their owner may enter: the server refuses root.
        self._folder = Path(tempfile.mkdtemp(prefix="fkd-pg-"))
        self._user: dict[str, str] = {"user": "postgres"} if os.getuid() == 0 else {}
        if self._user:
            shutil.chown(self._folder, self._user["user"])
        self.url = f"postgresql+psycopg://fkd@/postgres?host={self._folder}"
        self._call("initdb", "-A", "trust", "-U", "fkd", "--no-sync")
        self.start()

    def database(self) -> str:
        """Makes an empty database and gives its URL."""
        import sqlalchemy

        self._databases += 1
        name = f"searches{self._databases}"
        engine = sqlalchemy.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url.replace("/postgres?", f"/{name}?")

    def start(self) -> None:
        """Waits until it answers."""
        listen = f"-c listen_addresses='' -c unix_socket_directories={self._folder}"
        log = str(self._folder / "log")
        self._call("pg_ctl", "-w", "-t", PATIENCE, "-l", log, "-o", listen, "start")

    def stop(self) -> None:
        """At once, as a crash does."""
        self._call("pg_ctl", "-w", "-t", PATIENCE, "-m", "immediate", "stop")

    def close(self) -> None:
        """Gives back what it has."""
        self.stop()
        shutil.rmtree(self._folder)

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), "-D", str(self._folder / "data"), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._user,
        )
