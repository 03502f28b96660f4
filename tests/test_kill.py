"""The real commands with real fits, killed with SIGKILL at random moments and run again."""

from __future__ import annotations

import contextlib
import csv
import os
import random
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from short_runs import SHORT_BUILD, SHORT_SEARCH, knowing, start

ENOUGH = 1800.0  # seconds, for a command that does not hang, on any machine


@dataclass(frozen=True)
class Run:
    """One command, how often it is killed, and what must come out of it all the same."""

    command: tuple[str, ...]
    outcome: str
    columns: tuple[str, ...] = ()
    """Those of the outcome that tell no time; all where empty."""


SEARCH = Run(SHORT_SEARCH, "demo/augmentation/verdicts.csv")
TUNE = Run(
    (
        *("experiments/tune_models.py", "--preset", "smoke", "--models", "lenet5"),
        *("--pipelines", "complete", "--epochs", "3", "--faces", "60"),
    ),
    "demo/tuning/results.csv",
    ("rmse", "low", "high", "gain", "winner", "trials", "pruned"),
)
BUILD = Run((*SHORT_BUILD, "--stacker", "ridge"), "demo/submission.csv")


def _start(run: Run, results: Path) -> subprocess.Popen[str]:
    return start(run.command, results)


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
def test_a_search_survives_lost_workers_signals_and_kills(
    tmp_path: Path, searched: Path, drawn: Path
) -> None:
    process, chance, killed = _start(SEARCH, knowing(drawn, tmp_path)), random.Random(13), 0
    for kept in (2, 4, 6):
        _until(kept, process, tmp_path)
        while not (workers := _workers(process.pid)) and process.poll() is None:
            time.sleep(0.05)  # polls: one that was killed is replaced
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)
            killed += 1
    assert killed, "the run had its workers"

    _until(len(_kept(tmp_path)) + 1, process, tmp_path)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=ENOUGH)
    assert process.returncode == 130, err
    assert "the same command goes on from there" in err
    assert "Traceback" not in err

    _a_kill_changes_nothing(SEARCH, tmp_path, searched)
    assert len(_kept(tmp_path)) == len(_kept(searched))


@pytest.mark.slow
def test_a_kill_changes_nothing_of_what_is_tuned(tmp_path: Path, drawn: Path) -> None:
    calm, stormy = knowing(drawn, tmp_path / "calm"), knowing(drawn, tmp_path / "stormy")
    _finish(TUNE, calm)
    _a_kill_changes_nothing(TUNE, stormy, calm)


@pytest.mark.slow
def test_a_kill_changes_nothing_of_an_ensemble(tmp_path: Path, built: Path, drawn: Path) -> None:
    calm, stormy = tmp_path / "calm", knowing(drawn, tmp_path / "stormy")
    for known in ("cache", "fits"):  # of a run whose stackers took their time
        shutil.copytree(built / known, calm / known)
    _finish(BUILD, calm)
    _a_kill_changes_nothing(BUILD, stormy, calm)


def _a_kill_changes_nothing(run: Run, stormy: Path, calm: Path) -> None:
    """Nor does a rerun of what is finished, which trains nothing."""
    process, chance = _start(run, stormy), random.Random(11)
    _until(len(_kept(stormy)) + chance.randint(1, 4), process, stormy)
    time.sleep(chance.uniform(0.0, 1.0))  # the random moment itself
    _end(process, signal.SIGKILL)
    _finish(run, stormy)
    assert _trials(stormy) == _trials(calm)
    assert _outcome(run, stormy) == _outcome(run, calm)
    assert re.search(r"^0 fits done in ", _finish(run, stormy), re.MULTILINE)
    assert _outcome(run, stormy) == _outcome(run, calm)


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
