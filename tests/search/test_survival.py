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
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent / "simulated_search.py"
PLANNED = {"screen": 9, "confirm": 5, "meeting": 2, "compose": 6, "lenet5": 9, "conv5": 9}
"""Trials of each kind of study: four transforms with two strengths and mirror with one; ..."""


def _start(results: Path, *more: str) -> subprocess.Popen[str]:
    results.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), "--results", str(results), *more],
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


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.exists() else []


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
    # A kill may come between keeping a fit and noting that it ran.
    assert set(ran) <= set(undisturbed["fits"])
    assert len(undisturbed["fits"]) - len(ran) <= 2
    assert _finish(tmp_path) == undisturbed, "a finished search says the same again"
    assert _ran(tmp_path) == ran, "and runs nothing"


@pytest.mark.slow
def test_a_cluster_gives_the_same_trials_though_a_worker_dies_and_machines_leave_and_join(
    tmp_path: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.cluster_utils import Cluster

    marker, nodes = tmp_path / "cache" / "die", tmp_path / "cache" / "nodes"
    marker.parent.mkdir()
    marker.touch()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        leaving = cluster.add_node(num_cpus=1)
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        driver = _start(tmp_path)
        while driver.poll() is None and (
            len(_ran(tmp_path)) < 20 or len(list(nodes.iterdir())) < 2
        ):
            time.sleep(0.005)  # polls: until both machines work
        cluster.remove_node(leaving, allow_graceful=False)
        cluster.add_node(num_cpus=1)
        out, err = driver.communicate(timeout=1200)
        assert driver.returncode == 0, err[-3000:]
        assert json.loads(out.splitlines()[-1]) == undisturbed
    finally:
        cluster.shutdown()
    assert len(_names(nodes)) == 3, "the machine that joined was used"
    assert not marker.exists(), "a worker did die"


def test_several_drivers_on_postgresql_run_exactly_the_planned_trials_though_one_is_killed(
    tmp_path: Path, postgres: str, undisturbed: dict[str, Any]
) -> None:
    drivers = [_start(tmp_path, "--storage", postgres) for _ in range(3)]
    while drivers[0].poll() is None and len(_ran(tmp_path)) < 25:
        time.sleep(0.005)  # polls; the kill comes at whatever they are doing then
    drivers[0].kill()
    drivers[0].wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(drivers[0].pid, signal.SIGKILL)
    for driver in drivers[1:]:
        out, err = driver.communicate(timeout=1200)
        assert driver.returncode == 0, err[-3000:]
        assert json.loads(out.splitlines()[-1]) == undisturbed
    assert set(_ran(tmp_path)) <= set(undisturbed["fits"])
    assert not (tmp_path / "studies.db").exists()


def test_a_second_driver_on_one_sqlite_study_is_refused_with_the_way_out(tmp_path: Path) -> None:
    first = _start(tmp_path)
    while first.poll() is None and not _ran(tmp_path):
        time.sleep(0.005)  # polls: until the first is at work
    _, err = _start(tmp_path).communicate(timeout=600)
    assert "being searched by another process" in err
    assert "postgresql" in err
    assert first.poll() is None, "the first is not disturbed"
    first.kill()
    first.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(first.pid, signal.SIGKILL)
