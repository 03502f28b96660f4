"""The real commands with real fits, killed with SIGKILL at random moments and run again."""

from __future__ import annotations

import contextlib
import csv
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from short_search import SHORT_SEARCH

ROOT = Path(__file__).parents[1]
LONGEST = 40.0  # seconds until a kill: from the imports to well into the fits
ENOUGH = 1800.0  # seconds, for a command that does not hang, on any machine


@dataclass(frozen=True)
class Run:
    """One command, how often it is killed, and what must come out of it all the same."""

    command: tuple[str, ...]
    kills: int
    outcome: str
    columns: tuple[str, ...] = ()
    """Those of the outcome that tell no time; all where empty."""


SMALL = ("--preset", "smoke", "--models", "lenet5")
SEARCH = Run(("experiments/search_augment.py", *SHORT_SEARCH), 3, "demo/augmentation/verdicts.csv")
TUNE = Run(
    ("experiments/tune_models.py", *SMALL, "--pipelines", "complete"),
    1,
    "demo/tuning/results.csv",
    ("rmse", "low", "high", "gain", "winner", "trials", "pruned"),
)
BUILD = Run(
    (
        *("experiments/build_ensemble.py", *SMALL, "--folds", "3", "--stacker", "ridge"),
        *("--epochs", "4", "--faces", "120"),
    ),
    1,
    "demo/submission.csv",
)


def _start(run: Run, results: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *run.command, "--results", str(results)],
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
    out, err = process.communicate(timeout=ENOUGH)
    assert process.returncode == 0, err[-3000:]
    return out


def _end(process: subprocess.Popen[str], how: signal.Signals) -> None:
    process.send_signal(how)
    process.wait(timeout=ENOUGH)
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
def test_a_search_survives_lost_workers_signals_and_kills(tmp_path: Path, searched: Path) -> None:
    process, chance, killed = _start(SEARCH, tmp_path), random.Random(13), 0
    for kept in (2, 4, 6):
        _until(kept, process, tmp_path)
        while not (workers := _workers(process.pid)) and process.poll() is None:
            time.sleep(0.05)  # polls: one that was killed is replaced
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)
            killed += 1
    assert killed, "the run had its workers"

    _stops_in_one_line(process, tmp_path, signal.SIGINT, 130)
    _stops_in_one_line(_start(SEARCH, tmp_path), tmp_path, signal.SIGTERM, 143)

    _kills_change_nothing(SEARCH, tmp_path, searched)
    assert len(_kept(tmp_path)) == len(_kept(searched))


@pytest.mark.slow
@pytest.mark.parametrize("run", [TUNE, BUILD], ids=lambda run: Path(run.command[0]).stem)
def test_kills_change_nothing(run: Run, tmp_path: Path) -> None:
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    _finish(run, calm)
    _kills_change_nothing(run, stormy, calm)


def _kills_change_nothing(run: Run, stormy: Path, calm: Path) -> None:
    chance = random.Random(11)
    for _ in range(run.kills):
        process = _start(run, stormy)
        time.sleep(chance.uniform(1.0, LONGEST))  # the random moment itself
        _end(process, signal.SIGKILL)
    _finish(run, stormy)
    assert _trials(stormy) == _trials(calm)
    assert _outcome(run, stormy) == _outcome(run, calm)
    assert re.search(r"^0 fits done in ", _finish(run, stormy), re.MULTILINE)


def _stops_in_one_line(
    process: subprocess.Popen[str], results: Path, number: signal.Signals, code: int
) -> None:
    """By a signal that comes with its next result."""
    _until(len(_kept(results)) + 1, process, results)
    process.send_signal(number)
    _, err = process.communicate(timeout=ENOUGH)
    assert process.returncode == code, err
    assert "the same command goes on from there" in err
    assert "Traceback" not in err


def _until(kept: int, process: subprocess.Popen[str], results: Path) -> None:
    """Waits until so many results are kept; whatever comes next comes at any moment."""
    while len(_kept(results)) < kept:
        assert process.poll() is None, "it ended before"
        time.sleep(0.05)  # polls


def _kept(results: Path) -> list[Path]:
    return list(results.glob("fits/fits/*/*.fit"))


def _workers(driver: int) -> list[int]:
    """The processes of a driver's Ray session that do its fits."""
    listed = subprocess.run(
        ["ps", "-axo", "pid=,args="], capture_output=True, text=True, check=True
    ).stdout
    titled = [line.split(None, 1) for line in listed.splitlines()]
    found = [int(pid) for pid, title in titled if title.startswith("ray::FitWorker")]
    own = []
    for pid in found:
        with contextlib.suppress(ProcessLookupError):  # it may have ended meanwhile
            if os.getsid(pid) == driver:
                own.append(pid)
    return own
