"""Locks: held by one process at a time, and let go when that process ends, however it ends."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fkd_core.studies.storage import Storage, open_storage

HOLDER = """
import sys
from fkd_core.studies.storage import open_storage
storage = open_storage(sys.argv[1])
print(storage.locks.take(sys.argv[2]), flush=True)
sys.stdin.read()
"""
TRIAL = "tuning/complete/lenet5/7"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'studies.db'}"
    return str(request.getfixturevalue("postgres"))


@pytest.fixture
def holder(url: str) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts another process that locks the trial and sits on it."""
    started = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, url, TRIAL],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "True"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_what_a_living_process_holds_nobody_else_gets_until_it_is_killed(
    url: str, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    process = holder()
    here = open_storage(url).locks
    assert not here.take(TRIAL)
    assert here.take(f"{TRIAL}0")
    process.kill()
    process.wait()
    assert _taken_soon(open_storage(url)), "the kernel or the server let go at once"


def test_what_is_released_others_may_take(
    url: str, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    here = open_storage(url).locks
    assert here.take(TRIAL)
    assert here.take(TRIAL), "taking twice is harmless"
    here.release(TRIAL)
    here.release(TRIAL)
    holder()
    assert not here.take(TRIAL)


def test_a_database_that_several_make_at_once_is_made_once(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / 'studies.db'}"] * 4
    with ThreadPoolExecutor(4) as threads:
        opened = [*threads.map(open_storage, urls)]
    assert [storage.optuna.get_all_studies() for storage in opened] == [[]] * 4
    (tmp_path / "studies.db.locks" / "tables.lock").unlink(missing_ok=True)
    open_storage(urls[0])
    assert not (tmp_path / "studies.db.locks" / "tables.lock").exists(), "it is there already"


def test_a_turn_can_be_had_again_and_again(url: str) -> None:
    locks = open_storage(url).locks
    entered = 0
    for _ in range(3):
        with locks.turn("study"):
            entered += 1
    assert entered == 3


def _taken_soon(storage: Storage) -> bool:
    """PostgreSQL's server takes a moment to notice that a client is gone."""
    last = time.monotonic() + 600
    while not (taken := storage.locks.take(TRIAL)) and time.monotonic() < last:
        time.sleep(0.01)  # polls
    return taken
