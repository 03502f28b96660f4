"""Searches that are killed and rerun end as if nothing had happened. Real processes, real Ray,
real SQLite and PostgreSQL; only the fits are simulated."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
from driven import Search, end
from injection import Scene, disturbed, kill_driver, kill_proxy, kill_worker, lose_node
from surroundings import cluster_of_two

pytestmark = pytest.mark.slow

PLANNED = {
    "screen": 9, "confirm": 5, "compose": 6, "meeting": 2, "final": 1, "lenet5": 9, "conv5": 9,
}  # fmt: skip
"""Trials of each kind of study: four transforms with two strengths and mirror with one; ..."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return Search(tmp_path_factory.mktemp("undisturbed")).finish()


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


def test_a_cluster_gives_the_same_trials_though_a_worker_dies_and_machines_leave_and_join(
    tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    with cluster_of_two() as cluster:
        leaving = cluster.add_node(num_cpus=1)
        search = Search(tmp_path, address=cluster.address)
        death = search.mark("die")
        with search.halfway(20) as driver:
            search.until_machines(2, driver)
            cluster.remove_node(leaving, allow_graceful=False)
            cluster.add_node(num_cpus=1)
            search.until_machines(3, driver)
        assert search.finish(driver) == undisturbed
    assert not death.exists(), "a worker did die"


def test_ten_random_kills_change_nothing(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    kills = [kill_driver, kill_worker, kill_worker, kill_proxy, lose_node]
    chance, done = random.Random(50), 0
    with cluster_of_two() as cluster:
        while done < 10:
            search = Search(tmp_path / str(done), (), cluster.address)
            scene = Scene(search, chance, cluster)
            damage = disturbed(scene, kills, 10 - done, 4, undisturbed)
            cluster.remove_node(scene.node, allow_graceful=False)
            assert damage.same
            assert (damage.lost, damage.wrong, list(damage.complaints)) == (0, 0, [])
            assert not search.running()
            assert len(undisturbed["fits"]) - len(search.ran()) <= scene.deaths
            done += sum(damage.tried.values())


def test_several_drivers_on_postgresql_run_exactly_the_planned_trials_though_one_is_killed(
    tmp_path: Path, postgres: str, undisturbed: dict[str, Any]
) -> None:
    search = Search(tmp_path, ("--storage", postgres))
    drivers = [search.start() for _ in range(3)]
    assert search.until(25, drivers[0])
    end(drivers[0])
    for driver in drivers[1:]:
        assert search.finish(driver) == undisturbed
    assert set(search.ran()) <= set(undisturbed["fits"])
    assert not (tmp_path / "studies.db").exists()


def test_a_second_driver_on_one_sqlite_study_is_refused_with_the_way_out(tmp_path: Path) -> None:
    search = Search(tmp_path)
    with search.halfway(3) as first:  # past the control, so in a study
        _, err = search.stopped()
        assert "being searched by another process" in err
        assert "postgresql" in err
        assert first.poll() is None, "the first is not disturbed"
        end(first)
