"""The real command with real fits, killed with SIGKILL at random moments and run again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest

ROOT = Path(__file__).parents[1]
KILLS = 10
LONGEST = 45.0  # seconds until a kill: from the imports to well into the fits


def _start(results: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "experiments/search_augment.py", "--preset", "smoke"]
    return subprocess.Popen(
        [*command, "--results", str(results)],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _finish(results: Path) -> str:
    process = _start(results)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err[-3000:]
    return out


def _end(process: subprocess.Popen[str], how: signal.Signals) -> None:
    process.send_signal(how)
    process.wait(timeout=120)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _trials(results: Path) -> list[Any]:
    storage = f"sqlite:///{results / 'studies.db'}"
    return sorted(
        [name, t.number, t.state.name, t.params, t.values, t.intermediate_values]
        for name in optuna.get_all_study_names(storage)
        for t in optuna.load_study(study_name=name, storage=storage).get_trials()
    )


@pytest.mark.slow
def test_ten_kills_change_nothing(tmp_path: Path) -> None:
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    _finish(calm)
    chance = random.Random(11)
    for _ in range(KILLS):
        process = _start(stormy)
        time.sleep(chance.uniform(1.0, LONGEST))  # the random moment itself
        _end(process, signal.SIGKILL)
    _finish(stormy)
    assert _trials(stormy) == _trials(calm)
    verdicts = "augmentation/verdicts.csv"
    assert (stormy / verdicts).read_bytes() == (calm / verdicts).read_bytes()
    assert "0 fits done now" in _finish(stormy)


@pytest.mark.slow
def test_ctrl_c_stops_with_one_line_and_the_rerun_goes_on(tmp_path: Path) -> None:
    process = _start(tmp_path)
    while process.poll() is None and not list(tmp_path.glob("fits/fits/*/*")):
        time.sleep(0.05)  # polls: until the first result is kept
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "the same command goes on from there" in err
    assert "Traceback" not in err
    _finish(tmp_path)
