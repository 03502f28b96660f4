"""What may go wrong around a search: disks, databases, clocks, signals, fits that hang or kill.
Real processes, real Ray, real SQLite and PostgreSQL; only the fits are simulated."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from driven import ENOUGH, Search, end
from injection import (
    Scene,
    disturbed,
    flip,
    lock_database,
)
from surroundings import Postgres, SmallDisk

SHORT = ("--short",)
GOES_ON = "what is finished is kept: the same command goes on from there"


@pytest.fixture(scope="module")
def calm_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short search that nothing disturbs."""
    return tmp_path_factory.mktemp("calm")


@pytest.fixture(scope="module")
def calm(calm_results: Path) -> dict[str, Any]:
    """What it says."""
    return Search(calm_results, SHORT).finish()


@pytest.fixture(scope="module")
def calm_but_odd(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same, with one fit that fails."""
    search = Search(tmp_path_factory.mktemp("odd"), SHORT)
    search.mark("odd", "it fails")
    return search.finish()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        made = SmallDisk(folder)
    except OSError as error:
        pytest.skip(str(error))
    yield made
    made.close()


def one_clear_line(err: str) -> str:
    """The message of a driver that stopped: the last line, and no traceback before it."""
    assert "Traceback" not in err, err[-3000:]
    return err.strip().splitlines()[-1]


def failures(said: dict[str, Any]) -> list[str]:
    return [notes["failure"] for *_, notes in said["trials"] if "failure" in notes]


def but_for_reasons(said: dict[str, Any]) -> list[Any]:
    """Trials and results of a search, without why trials failed."""
    trials = [
        [*trial[:-1], {k: v for k, v in trial[-1].items() if k != "failure"}]
        for trial in said["trials"]
    ]
    return [trials, said["tuned"]]


@pytest.mark.slow
def test_every_way_of_stopping_is_said_in_a_line_and_loses_nothing(
    tmp_path: Path, calm: dict[str, Any]
) -> None:
    search = Search(tmp_path, SHORT)
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with search.halfway(3) as driver:
            driver.send_signal(number)
            _, err = driver.communicate(timeout=ENOUGH)
        assert driver.returncode == code, err
        assert one_clear_line(err).endswith(GOES_ON)
        assert not search.running(), "left to whoever goes on"

    wait = search.mark("wait")
    code, err = search.stopped("--minutes", "0.1")
    wait.unlink()
    assert code == 124, err
    assert one_clear_line(err) == f"the 0.1 min of --minutes are over; {GOES_ON}"
    assert not search.running()

    linger = search.mark("linger")
    with search.halfway(3) as driver:
        driver.send_signal(signal.SIGINT)
        assert driver.stderr is not None
        while "once more stops at once" not in driver.stderr.readline():
            assert driver.poll() is None
        driver.send_signal(signal.SIGINT)
        assert driver.wait(timeout=ENOUGH) == -signal.SIGINT
    end(driver)
    linger.unlink()

    assert search.finish() == calm
    assert len(search.ran()) == len(set(search.ran()))


@pytest.mark.slow
def test_a_full_disk_stops_a_search_with_one_line_and_the_rerun_goes_on(
    disk: SmallDisk, tmp_path: Path, calm: dict[str, Any]
) -> None:
    search = Search(tmp_path / "disk", SHORT, inside=disk.inside, seen=disk.seen)
    disk.run(f"mount -o remount,size=400k '{tmp_path / 'disk'}'")
    code, err = search.stopped()
    assert code == 2, err
    assert "space" in one_clear_line(err) or "full" in one_clear_line(err)
    disk.run(f"mount -o remount,size=64m '{tmp_path / 'disk'}'")
    assert search.finish() == calm
    assert len(search.ran()) == len(set(search.ran()))


def test_results_that_may_only_be_read_are_refused_in_one_line(
    disk: SmallDisk, tmp_path: Path
) -> None:
    search = Search(tmp_path / "disk", SHORT, inside=disk.inside, seen=disk.seen)
    disk.run(f"mount -o remount,ro '{tmp_path / 'disk'}'")
    code, err = search.stopped()
    assert code == 2, err
    assert "cannot be written; give another folder" in one_clear_line(err)


@pytest.mark.slow
def test_a_database_that_may_only_be_read_stops_a_search_with_one_line(
    disk: SmallDisk, tmp_path: Path, calm: dict[str, Any]
) -> None:
    search = Search(tmp_path / "disk", SHORT, inside=disk.inside, seen=disk.seen)
    with search.halfway(3) as driver:
        end(driver)
    database = f"'{tmp_path / 'disk' / 'studies.db'}'"
    disk.run(f"mount --bind {database} {database} && mount -o remount,bind,ro {database}")
    code, err = search.stopped()
    assert code == 2, err
    assert "readonly database" in one_clear_line(err)
    disk.run(f"umount {database}")
    assert search.finish() == calm


@pytest.mark.slow
def test_only_a_damaged_result_is_made_again(
    tmp_path: Path, calm: dict[str, Any], calm_results: Path
) -> None:
    shutil.copytree(calm_results, tmp_path, dirs_exist_ok=True)
    search = Search(tmp_path, SHORT)
    ran, chance = search.ran(), random.Random(3)
    key = calm["fits"][0]
    flip(next(tmp_path.glob(f"fits/fits/*/{key}.fit")), chance)
    for path in tmp_path.glob("studies.db*"):  # so that every result is asked for again
        if path.is_file():
            path.unlink()
    assert search.finish() == calm
    assert search.ran() == [*ran, key]
    assert [path.name for path in (tmp_path / "fits" / "damaged").iterdir()] == [f"{key}.fit"]


@pytest.mark.slow
def test_a_search_waits_while_another_process_writes_to_the_database(
    tmp_path: Path, calm: dict[str, Any]
) -> None:
    search = Search(tmp_path, SHORT)
    damage = disturbed(Scene(search, random.Random(4)), [lock_database], 2, 10, calm)
    assert damage.same
    assert (damage.lost, damage.wrong, list(damage.complaints)) == (0, 0, [])
    assert damage.tried["lock_database"] == 2


@pytest.mark.slow
def test_a_database_that_stays_locked_stops_a_search_with_one_line(
    tmp_path: Path, calm: dict[str, Any]
) -> None:
    search = Search(tmp_path, SHORT)
    hurry = search.mark("hurry")
    with search.halfway(3) as driver:
        other = sqlite3.connect(tmp_path / "studies.db", timeout=ENOUGH)
        other.execute("BEGIN IMMEDIATE")
    with contextlib.closing(other):
        _, err = driver.communicate(timeout=ENOUGH)
        assert driver.returncode == 2, err
        assert "database is locked" in one_clear_line(err)
    hurry.unlink()
    assert search.finish() == calm


@pytest.mark.slow
def test_a_database_that_vanishes_is_made_again_from_the_results(
    tmp_path: Path, calm: dict[str, Any]
) -> None:
    search = Search(tmp_path, SHORT)
    with search.halfway(5) as driver:
        (tmp_path / "studies.db").unlink()
    _, err = driver.communicate(timeout=ENOUGH)
    assert driver.returncode in (0, 2), "whether it notices is up to SQLite"
    assert "Traceback" not in err
    assert search.finish() == calm
    assert len(search.ran()) == len(set(search.ran()))


@pytest.mark.slow
def test_a_server_that_stops_ends_a_search_with_one_line_and_the_rerun_goes_on(
    tmp_path: Path, server: Postgres, calm: dict[str, Any]
) -> None:
    search = Search(tmp_path, (*SHORT, "--storage", server.database()))
    with search.halfway(5) as driver:
        server.stop()
    try:
        _, err = driver.communicate(timeout=ENOUGH)
        assert driver.returncode == 2, err
        said = one_clear_line(err)
        assert said.startswith("error: --storage: the database failed (")
        assert said.endswith("nothing finished is lost: run again")
        code, err = search.stopped()
        assert code == 2, "while the server is away, the same"
        assert one_clear_line(err).startswith("error: --storage: ")
    finally:
        server.start()
    assert search.finish() == calm
    assert len(search.ran()) == len(set(search.ran()))


@pytest.mark.slow
def test_a_fit_that_hangs_is_stopped_and_only_its_trial_fails(
    tmp_path: Path, calm_but_odd: dict[str, Any]
) -> None:
    search = Search(tmp_path, (*SHORT, "--fit-minutes", "0.2"))
    search.mark("odd", "hang")
    said = search.finish()
    assert but_for_reasons(said) == but_for_reasons(calm_but_odd)
    assert sum("took longer than 0.2 min" in reason for reason in failures(said)) == 1


@pytest.mark.slow
def test_a_fit_that_kills_every_worker_is_given_up_and_only_its_trial_fails(
    tmp_path: Path, calm_but_odd: dict[str, Any]
) -> None:
    search = Search(tmp_path, SHORT)
    search.mark("odd", "die")
    assert but_for_reasons(search.finish()) == but_for_reasons(calm_but_odd)


@pytest.mark.slow
def test_a_fit_that_runs_out_of_memory_is_repeated_with_a_whole_gpu(
    tmp_path: Path, calm: dict[str, Any]
) -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "num_gpus": 1})
    try:
        search = Search(tmp_path, (*SHORT, "--gpus-per-trial", "0.5"), cluster.address)
        search.mark("odd", "cramped")
        assert search.finish() == calm
        assert search.interrupted() == 1
    finally:
        cluster.shutdown()


@pytest.mark.slow
def test_workers_that_leak_are_replaced_and_nothing_else_changes(
    tmp_path: Path, calm: dict[str, Any]
) -> None:
    search = Search(tmp_path, SHORT)
    search.mark("leak")
    assert search.finish() == calm
    assert search.interrupted(), "workers did leave"
    assert len(search.ran()) == len(set(search.ran()))


@pytest.mark.slow
def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, calm: dict[str, Any]) -> None:
    search = Search(tmp_path, SHORT)
    search.mark("clock")
    with search.halfway(8) as driver:
        end(driver)
    assert search.finish() == calm
    assert len(search.ran()) == len(set(search.ran()))
