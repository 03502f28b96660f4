"""What may befall a simulated search, and what is left of it: for tests and a benchmark."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from driven import ENOUGH, POLL, Search, below, end, kill
from surroundings import Postgres


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
        _, err = self.driver.communicate(timeout=ENOUGH)
        if self.driver.returncode not in (code, 0) or "Traceback" in err:
            self.complaints.append(f"exit code {self.driver.returncode}: {err[-2000:]}")


Fault = Callable[[Scene], None]


def kill_driver(scene: Scene) -> None:
    scene.deaths += 1
    end(scene.driver)


def kill_worker(scene: Scene) -> None:
    _kill(scene, "ray::SimulatedWorker")


def kill_proxy(scene: Scene) -> None:
    _kill(scene, "ray::Proxy")


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
    with contextlib.closing(
        sqlite3.connect(scene.search.folder / "studies.db", timeout=ENOUGH)
    ) as db:
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
