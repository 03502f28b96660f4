"""The real commands with real fits, killed with SIGKILL at random moments and run again."""

from __future__ import annotations

import contextlib
import csv
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 45.0  # seconds until a kill: from the imports to well into the fits


@dataclass(frozen=True)
class Run:
    """One command, how often it is killed, and what must come out of it all the same."""

    command: tuple[str, ...]
    kills: int
    outcome: str
    columns: tuple[str, ...] = ()
    """Those of the outcome that tell no time; all where empty."""


SEARCH = Run(("experiments/search_augment.py",), 5, "augmentation/verdicts.csv")
TUNE = Run(
    ("experiments/tune_models.py", "--models", "lenet5", "--pipelines", "complete"),
    3,
    "tuning/results.csv",
    ("rmse", "low", "high", "gain", "winner", "trials", "pruned"),
)

BUILD = Run(
    ("experiments/build_ensemble.py", "--models", "lenet5", "--folds", "3"), 3, "submission.csv"
)


def _start(run: Run, results: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *run.command, "--preset", "smoke", "--results", str(results)],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _finish(run: Run, results: Path) -> str:
    process = _start(run, results)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err[-3000:]
    return out


def _end(process: subprocess.Popen[str], how: signal.Signals) -> None:
    process.send_signal(how)
    process.wait(timeout=120)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _trials(results: Path) -> list[Any]:
    if not (results / "studies.db").exists():
        return []  # of an experiment that searches nothing
    storage = f"sqlite:///{results / 'studies.db'}"
    return sorted(
        [name, t.number, t.state.name, t.params, t.values, t.intermediate_values]
        for name in optuna.get_all_study_names(storage)
        for t in optuna.load_study(study_name=name, storage=storage).get_trials()
    )


def _outcome(run: Run, results: Path) -> list[dict[str, str]]:
    with open(results / run.outcome, newline="") as file:
        return [{name: row[name] for name in run.columns or row} for row in csv.DictReader(file)]


@pytest.mark.slow
@pytest.mark.parametrize("run", [SEARCH, TUNE, BUILD], ids=lambda run: Path(run.command[0]).stem)
def test_kills_change_nothing(run: Run, tmp_path: Path) -> None:
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    _finish(run, calm)
    chance = random.Random(11)
    for _ in range(run.kills):
        process = _start(run, stormy)
        time.sleep(chance.uniform(1.0, LONGEST))  # the random moment itself
        _end(process, signal.SIGKILL)
    _finish(run, stormy)
    assert _trials(stormy) == _trials(calm)
    assert _outcome(run, stormy) == _outcome(run, calm)
    assert "0 fits done now" in _finish(run, stormy)


@pytest.mark.slow
def test_workers_that_are_killed_change_nothing(tmp_path: Path) -> None:
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    _finish(SEARCH, calm)
    process, chance = _start(SEARCH, stormy), random.Random(13)
    for kept in (2, 6, 10):
        while process.poll() is None and len(_kept(stormy)) < kept:
            time.sleep(0.05)  # polls: the kill comes at whatever the worker is doing then
        workers = _workers(process.pid)
        assert workers, "the run has its workers"
        os.kill(chance.choice(workers), signal.SIGKILL)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err[-3000:]
    assert _trials(stormy) == _trials(calm)
    assert _outcome(SEARCH, stormy) == _outcome(SEARCH, calm)
    assert len(_kept(stormy)) == len(_kept(calm))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_with_one_line_and_the_rerun_goes_on(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    process = _start(SEARCH, tmp_path)
    while process.poll() is None and not _kept(tmp_path):
        time.sleep(0.05)  # polls: until the first result is kept
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    assert "the same command goes on from there" in err
    assert "Traceback" not in err
    _finish(SEARCH, tmp_path)


def _kept(results: Path) -> list[Path]:
    return list(results.glob("fits/fits/*/*.fit"))


def _workers(driver: int) -> list[int]:
    """The processes of a driver's Ray session that do its fits."""
    listed = subprocess.run(
        ["ps", "-axo", "pid=,args="], capture_output=True, text=True, check=True
    ).stdout
    titled = [line.split(None, 1) for line in listed.splitlines()]
    found = [int(pid) for pid, title in titled if title.startswith("ray::FitWorker")]
    return [pid for pid in found if os.getsid(pid) == driver]
