"""Commands made short: all stages, real fits, few of them and brief. Tests that compare whole runs
run these; what they give undisturbed is there once, as the fixtures ``searched`` and ``built``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHORT_SEARCH = (
    "experiments/search_augment.py",
    *("--preset", "smoke", "--epochs", "10", "--faces", "120"),
)
SHORT_BUILD = (
    *("experiments/build_ensemble.py", "--preset", "smoke", "--models", "lenet5", "plain"),
    *("--epochs", "1", "--folds", "3", "--faces", "60"),
)


def knowing(drawn: Path, results: Path) -> Path:
    """A results folder to begin with, which knows the demo's faces already: they are linked."""
    for known in ("demo", "faces"):
        shutil.copytree(drawn / "cache" / known, results / "cache" / known, copy_function=os.link)
    return results


def start(command: tuple[str, ...], results: Path, *more: str) -> subprocess.Popen[str]:
    """The command, in a session of its own and without a cluster."""
    return subprocess.Popen(
        [sys.executable, *command, "--results", str(results), *more],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
