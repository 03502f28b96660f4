"""Simulated searches as processes, and what may befall them: for tests and a benchmark."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("simulated_search.py")
POLL = 0.005


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
        out, err = driver.communicate(timeout=1200)
        assert driver.returncode == 0, err[-3000:]
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found

    def stopped(self, *more: str) -> tuple[int, str]:
        """Exit code and messages of a driver that ends by itself."""
        driver = self.start(*more)
        _, err = driver.communicate(timeout=1200)
        return driver.returncode, err

    def ran(self) -> list[str]:
        """Keys of the fits that were run, in order."""
        path = self.folder / "ran"
        return path.read_text().split() if path.exists() else []

    def until(self, fits: int, driver: subprocess.Popen[str]) -> bool:
        """Waits until so many more fits were run; False where the driver ended before."""
        goal = len(self.ran()) + fits
        while len(self.ran()) < goal:
            if driver.poll() is not None:
                return False
            time.sleep(POLL)  # polls; whatever comes next comes at any moment of the driver
        return True

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


@dataclass
class Scene:
    """A search under way, whose driver is started again whenever it ended before the search."""

    search: Search
    chance: random.Random
    cluster: Any = None
    """Ray's Cluster of two nodes, for what befalls nodes."""
    server: Postgres | None = None
    node: Any = None
    deaths: int = 0
    """Drivers that could not leave in order."""
    damaged: set[str] = field(default_factory=set)
    """Keys of the entries of the store that were damaged: they are made again where needed."""
    complaints: list[str] = field(default_factory=list)
    """What drivers said that stopped in a way they should not."""

    def __post_init__(self) -> None:
        self.driver = self.search.start()
        if self.cluster is not None:
            self.node = self.cluster.add_node(num_cpus=1)

    def pick(self, title: str) -> int | None:
        """A process of the Ray session with such a title, by chance."""
        roots = [self.driver.pid]
        if self.cluster is not None:
            nodes = self.cluster.list_all_nodes()
            roots = [node.all_processes["raylet"][0].process.pid for node in nodes]
        found = [pid for pid, args in below(*roots).items() if args.startswith(title)]
        return self.chance.choice(found) if found else None

    def leave(self, code: int) -> None:
        """Waits for the driver's end, which should be in order and with this exit code."""
        _, err = self.driver.communicate(timeout=600)
        if self.driver.returncode not in (code, 0) or "Traceback" in err:
            self.complaints.append(f"exit code {self.driver.returncode}: {err[-2000:]}")


Fault = Callable[[Scene], None]


def kill_driver(scene: Scene) -> None:
    scene.deaths += 1
    end(scene.driver)


def kill_worker(scene: Scene) -> None:
    _kill(scene, "ray::SimulatedWorker")


def kill_proxy(scene: Scene) -> None:
    _kill(scene, "ray::_Proxy")


def _kill(scene: Scene, title: str) -> None:
    while (process := scene.pick(title)) is None and scene.driver.poll() is None:
        time.sleep(POLL)  # polls: there may be none just now
    if process is not None:
        kill(process)


def lose_node(scene: Scene) -> None:
    """All of the second node, at once; another joins."""
    scene.cluster.remove_node(scene.node, allow_graceful=False)
    scene.node = scene.cluster.add_node(num_cpus=1)


def interrupt(scene: Scene) -> None:
    scene.driver.send_signal(signal.SIGINT)
    scene.leave(130)


def terminate(scene: Scene) -> None:
    scene.driver.send_signal(signal.SIGTERM)
    scene.leave(143)


def stop_server(scene: Scene) -> None:
    assert scene.server is not None
    scene.server.stop()
    scene.leave(2)
    scene.server.start()


def fill_disk(scene: Scene) -> None:
    """No byte is left on the small disk, until the driver gives up."""
    filler = scene.search.folder / "filler"
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    scene.leave(2)
    filler.unlink()


def lock_database(scene: Scene) -> None:
    """Another process writes to SQLite for two seconds."""
    with contextlib.closing(sqlite3.connect(scene.search.folder / "studies.db", timeout=60)) as db:
        db.execute("BEGIN IMMEDIATE")
        time.sleep(2)  # the fault itself
        db.rollback()


def damage_entry(scene: Scene) -> None:
    """A bit of a kept result flips, between two drivers."""
    kill_driver(scene)
    entries = sorted((scene.search.folder / "fits" / "fits").glob("*/*.fit"))
    if entries:
        entry = scene.chance.choice(entries)
        flip(entry, scene.chance)
        scene.damaged.add(entry.stem)


def flip(path: Path, chance: random.Random) -> None:
    """Flips one bit of a file."""
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


@dataclass(frozen=True)
class Damage:
    """What was left of one search after its faults, against an undisturbed one."""

    tried: Counter[str]
    recoveries: Sequence[float]
    """Seconds from each fault to the next finished fit, the driver's restart included."""
    lost: int
    """Finished fits that were run again, or are not in the store."""
    wrong: int
    """Trials whose state, parameters, values or notes differ, or that are too many or too few."""
    same: bool
    """Whether verdicts, policy and tuned configurations are the same."""
    complaints: Sequence[str]


def disturbed(
    scene: Scene, faults: Sequence[Fault], times: int, apart: int, calm: Mapping[str, Any]
) -> Damage:
    """Faults by chance, 1 to `apart` fits after each other, `times` at most; then the rest."""
    search, tried, recoveries = scene.search, Counter[str](), []
    while sum(tried.values()) < times:
        if not search.until(scene.chance.randint(1, apart), scene.driver):
            break
        time.sleep(scene.chance.uniform(0, 0.2))  # the random moment itself
        if scene.driver.poll() is not None:
            break
        fault, fits, began = scene.chance.choice(faults), len(search.ran()), time.monotonic()
        fault(scene)
        tried[fault.__name__] += 1
        if scene.driver.poll() is not None and scene.driver.returncode != 0:
            scene.driver = search.start()
        while len(search.ran()) == fits and scene.driver.poll() is None:
            time.sleep(POLL)  # polls
        if len(search.ran()) > fits:
            recoveries.append(time.monotonic() - began)
    if scene.driver.poll() is not None:
        scene.leave(0)
    found = search.finish(scene.driver if scene.driver.poll() is None else None)
    again = sum(n - 1 for key, n in Counter(search.ran()).items() if key not in scene.damaged)
    absent = set(calm["fits"]) - set(found["fits"]) - scene.damaged
    trials, wanted = (Counter(map(_told, said["trials"])) for said in (found, calm))
    counted = {"trials", "fits"}
    return Damage(
        tried,
        recoveries,
        lost=again + len(absent),
        wrong=max((trials - wanted).total(), (wanted - trials).total()),
        same=all(found[name] == calm[name] for name in calm.keys() - counted),
        complaints=scene.complaints,
    )


def _told(trial: Any) -> str:
    return json.dumps(trial, sort_keys=True)


@contextlib.contextmanager
def cluster_of_two() -> Iterator[Any]:
    """A Ray cluster whose head has one CPU; the scene adds, and loses, the second node."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        yield cluster
    finally:
        cluster.shutdown()


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

    def __init__(self, folder: Path) -> None:
        """Raises FileNotFoundError where none is installed."""
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not binaries:
            raise FileNotFoundError("no PostgreSQL server here (Debian: postgresql)")
        self._bin, self._folder, self._databases = binaries[-1].parent, folder, 0
        self.url = f"postgresql+psycopg://fkd@/postgres?host={folder}"
        self._user: dict[str, str] = {"user": "postgres"} if os.getuid() == 0 else {}
        if self._user:  # the server refuses root
            for part in (folder, *folder.parents[:3]):
                with contextlib.suppress(PermissionError):
                    part.chmod(0o755)
            folder.chmod(0o777)
        self._call("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "fkd")
        self.start()

    def database(self) -> str:
        """Makes an empty database and gives its name."""
        import sqlalchemy

        self._databases += 1
        name = f"searches{self._databases}"
        engine = sqlalchemy.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return name

    def start(self) -> None:
        """Waits until it answers."""
        listen = f"-c listen_addresses='' -c unix_socket_directories={self._folder}"
        log = str(self._folder / "log")
        self._call(
            "pg_ctl", "-D", str(self._folder / "data"), "-w", "-l", log, "-o", listen, "start"
        )

    def stop(self) -> None:
        """At once, as a crash does."""
        data = str(self._folder / "data")
        self._call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._user,
        )
