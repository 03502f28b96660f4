"""Simulated searches as processes that are started, watched and killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("simulated_search.py")
POLL = 0.02
ENOUGH = 1800.0
"""Seconds for what does not hang, on any machine."""


@dataclass
class Search:
    """One simulated search; drivers come and go."""

    results: Path
    options: Sequence[str] = ()
    address: str | None = None
    """Of the cluster; without it, each driver has a Ray session of its own."""
    inside: Sequence[str] = ()
    """What a command begins with to see the small disk: see ``small_disk``."""
    seen: Path | None = None
    """Where the results are seen from outside of it."""

    @property
    def folder(self) -> Path:
        """The results, for whoever looks on."""
        return self.seen or self.results

    def start(self, *more: str) -> subprocess.Popen[str]:
        """A driver, in a session of its own."""
        environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
        if self.address:
            environment["RAY_ADDRESS"] = self.address
        where = ("--results", str(self.results))
        return subprocess.Popen(
            [*self.inside, sys.executable, str(SCRIPT), *where, *self.options, *more],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, driver: subprocess.Popen[str] | None = None) -> dict[str, Any]:
        """What a driver, or a new one, prints at its end."""
        driver = driver or self.start()
        out, err = driver.communicate(timeout=ENOUGH)
        assert driver.returncode == 0, err[-3000:]
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found

    def stopped(self, *more: str) -> tuple[int, str]:
        """Exit code and messages of a driver that ends by itself."""
        driver = self.start(*more)
        _, err = driver.communicate(timeout=ENOUGH)
        return driver.returncode, err

    def ran(self) -> list[str]:
        """Keys of the fits that were run, in order."""
        path = self.folder / "ran"
        return path.read_text().split() if path.exists() else []

    @contextlib.contextmanager
    def halfway(self, fits: int) -> Iterator[subprocess.Popen[str]]:
        """A driver that has run so many more fits and, while this lasts, ends no other: whatever
        befalls it here does so before its search is over, however slow the machine."""
        wait = self.mark("wait", str(len(self.ran()) + fits))
        driver = self.start()
        try:
            assert self.until(fits, driver), "it ended before"
            yield driver
        finally:
            wait.unlink()

    def until(self, fits: int, driver: subprocess.Popen[str]) -> bool:
        """Waits until so many more fits were run; False where the driver ended before."""
        goal = len(self.ran()) + fits
        while len(self.ran()) < goal:
            if driver.poll() is not None:
                return False
            time.sleep(POLL)  # polls; whatever comes next comes at any moment of the driver
        return True

    def until_machines(self, number: int, driver: subprocess.Popen[str]) -> None:
        """Waits until workers of so many machines have begun."""
        machines = self.folder / "cache" / "machines"
        while not machines.exists() or len(list(machines.iterdir())) < number:
            assert driver.poll() is None, "it ended before"
            time.sleep(POLL)  # polls

    def mark(self, name: str, text: str = "") -> Path:
        """Asks the simulation for a fault."""
        path = self.folder / "cache" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def running(self) -> int:
        """Trials that SQLite knows as running."""
        return self._count("trials WHERE state = 'RUNNING'")

    def interrupted(self) -> int:
        """Trials that SQLite knows to have lost a worker."""
        return self._count("trial_user_attributes WHERE key = 'interrupted'")

    def _count(self, what: str) -> int:
        with contextlib.closing(sqlite3.connect(self.folder / "studies.db", timeout=60)) as db:
            (count,) = db.execute(f"SELECT count(*) FROM {what}").fetchone()
            return int(count)


def below(*roots: int) -> dict[int, str]:
    """Command lines of all processes that these have started, by id."""
    listed = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.split(None, 2) for line in listed.splitlines()]
    found: dict[int, str] = {}
    wanted = set(roots)
    while wanted:
        children = {int(pid): args[0] for pid, parent, *args in lines if int(parent) in wanted}
        found |= children
        wanted = set(children)
    return found


def kill(*processes: int) -> None:
    """SIGKILL; those that are gone already are no matter."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def end(driver: subprocess.Popen[str]) -> None:
    """Kills a driver at once, and what it leaves of its Ray session."""
    left = below(driver.pid)
    driver.kill()
    driver.communicate()
    kill(*left)
