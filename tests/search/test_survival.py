"""Searches that are killed and rerun end as if nothing had happened. Real processes, real Ray,
real SQLite and PostgreSQL; only the fits are simulated."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

SCRIPT = Path(__file__).parent / "simulated_search.py"
PLANNED = {"screen": 9, "confirm": 5, "meeting": 2, "compose": 6, "lenet5": 9, "conv5": 9}
"""Trials of each kind of study: four transforms with two strengths and mirror with one; ..."""


def _start(results: Path, *more: str) -> subprocess.Popen[str]:
    results.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(results), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _finish(results: Path, *more: str) -> dict[str, Any]:
    process = _start(results, *more)
    out, err = process.communicate(timeout=1200)
    assert process.returncode == 0, err[-3000:]
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def _ran(results: Path) -> list[str]:
    path = results / "ran"
    return path.read_text().split() if path.exists() else []


def _kill_after(results: Path, fits: int) -> None:
    """Starts the search and kills its driver with SIGKILL once so many more fits were run."""
    goal = len(_ran(results)) + fits
    process = _start(results)
    while process.poll() is None and len(_ran(results)) < goal:
        time.sleep(0.005)  # polls; the kill comes at whatever the driver is doing then
    process.kill()
    process.wait()
    with contextlib.suppress(ProcessLookupError):  # what the dead driver left of its Ray session
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _finish(tmp_path_factory.mktemp("undisturbed"))


def test_an_undisturbed_search_runs_exactly_the_planned_trials(
    undisturbed: dict[str, Any],
) -> None:
    kinds = [name.split("/")[2].split("@")[0] for name, *_ in undisturbed["trials"]]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == PLANNED


def test_every_trial_says_what_really_happened(undisturbed: dict[str, Any]) -> None:
    states: dict[str, set[str]] = {"gamma": set(), "box_blur": set(), "rotation": set()}
    for name, _, state, _, values, steps, notes in undisturbed["trials"]:
        for transform, seen in states.items():
            if f"/screen/{transform}@" in name:
                seen.add(state)
                if state == "FAIL":
                    assert notes["failure"] == "the loss became nan in epoch 3"
                    assert values is None
                if state == "PRUNED":
                    assert list(steps) == ["1"], "stopped after the first of two fits"
                assert len(notes["fits"]) == len(steps)
    assert states["gamma"] == {"FAIL"}
    assert states["box_blur"] == {"COMPLETE", "PRUNED"}, "harmless when weak, hopeless when strong"
    assert states["rotation"] == {"COMPLETE"}


def test_a_tuned_trial_is_pruned_at_the_epoch_it_had_reached(
    undisturbed: dict[str, Any],
) -> None:
    reached = {
        state: {tuple(steps) for name, _, s, _, _, steps, _ in undisturbed["trials"]
                if name.startswith("tuning/") and s == state}
        for state in ("COMPLETE", "PRUNED")
    }  # fmt: skip
    assert reached["COMPLETE"] == {("4", "9", "18")}
    assert reached["PRUNED"] <= {("4",), ("4", "9")}
    assert ("4",) in reached["PRUNED"]


def test_the_next_model_begins_with_the_training_of_the_one_before(
    undisturbed: dict[str, Any],
) -> None:
    params = {
        (name.split("/")[2].split("@")[0], number): given
        for name, number, _, given, *_ in undisturbed["trials"]
    }
    (winner,) = re.findall(r"trial (\d+)", undisturbed["tuned"][0][0])[:1]
    shared = ("learning_rate", "schedule", "warmup", "log2_batch_size", "ema", "early_stop")
    begun, sibling = params["conv5", 1], params["lenet5", int(winner)]
    assert {k: begun[k] for k in shared} == {k: sibling[k] for k in shared}


def test_a_search_killed_again_and_again_ends_like_an_undisturbed_one(
    tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    chance = random.Random(5)
    for _ in range(2):
        _kill_after(tmp_path, chance.randint(1, 20))
    assert _finish(tmp_path) == undisturbed
    ran = _ran(tmp_path)
    assert len(ran) == len(set(ran)), "no finished fit is ever run again"
    assert sorted(ran) == undisturbed["fits"]
    assert _finish(tmp_path) == undisturbed, "a finished search says the same again"
    assert _ran(tmp_path) == ran, "and runs nothing"


def test_a_cluster_of_two_nodes_gives_the_same_trials_though_a_worker_dies(
    tmp_path: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.cluster_utils import Cluster

    marker = tmp_path / "cache" / "die"
    marker.parent.mkdir()
    marker.touch()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        assert _finish(tmp_path) == undisturbed
    finally:
        cluster.shutdown()
    assert len((tmp_path / "nodes").read_text().split()) == 2
    assert not marker.exists(), "a worker did die"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server of our own."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    folder = Path(tmp_path_factory.mktemp("pg"))
    as_user = {"user": "postgres"} if os.getuid() == 0 else {}
    if as_user:  # the server refuses root
        for part in (folder, *folder.parents[:3]):
            with contextlib.suppress(PermissionError):
                part.chmod(0o755)
        folder.chmod(0o777)
    data = folder / "data"
    bin_ = binaries[-1].parent
    subprocess.run(
        [bin_ / "initdb", "-D", data, "-A", "trust", "-U", "fkd"],
        check=True,
        capture_output=True,
        **as_user,
    )
    server = [bin_ / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    listen = f"-c listen_addresses='' -c unix_socket_directories={folder}"
    subprocess.run([*server, "-o", listen, "start"], check=True, capture_output=True, **as_user)
    yield f"postgresql+psycopg://fkd@/postgres?host={folder}"
    subprocess.run(
        [*server, "-m", "immediate", "stop"], check=False, capture_output=True, **as_user
    )


def test_the_same_search_on_postgresql_gives_the_same_trials(
    tmp_path: Path, postgres: str, undisturbed: dict[str, Any]
) -> None:
    assert _finish(tmp_path, postgres) == undisturbed
    assert not (tmp_path / "studies.db").exists()
    assert len(optuna.get_all_study_names(postgres)) == len({t[0] for t in undisturbed["trials"]})
