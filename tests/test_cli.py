"""The command `fkd`: each experiment by its name, like its script."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fkd_core.cli import EXPERIMENTS, main

ROOT = Path(__file__).parents[1]


def test_without_a_name_it_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    said = capsys.readouterr().out
    for name in EXPERIMENTS:
        assert re.search(rf"^  {name} ", said, re.MULTILINE)


def test_an_unknown_name_is_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["tunes"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    known = ", ".join(EXPERIMENTS)
    meant = "did you mean 'tune'? "
    assert said == f"error: there is no command 'tunes'; {meant}choose from {known}\n"


def test_the_module_is_the_command_and_knows_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fkd_core", "--version"], capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"\d+\.\d+\S*\n", done.stdout)


def test_it_does_what_the_script_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["results", "--results", str(tmp_path)])
    assert f"{tmp_path} holds no " in capsys.readouterr().out


def test_no_experiment_begins_by_importing_what_takes_a_second_and_is_needed_at_its_end() -> None:
    modules = ", ".join(f"fkd_core.experiments.{module}" for module, *_ in EXPERIMENTS.values())
    asked = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "ray.tune" in loaded, "a search begins by that"
    assert not loaded & {"keras", "optuna_dashboard", "scipy.stats", "sklearn", "tensorflow"}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_help_is_the_experiments_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([name, "--help"])
    said = capsys.readouterr().out
    assert "\nExpert\n" in said
    assert f"\n  fkd {name} " in said, "its examples are typed as it was"


INTERRUPTED = """
import runpy, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # as a terminal has it

class CtrlC:
    "Comes in the middle of the imports."
    def find_spec(self, name, path=None, target=None):
        if name == "fkd_core.fitting":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
sys.argv = sys.argv[1:]
if sys.argv[0] == "fkd":
    runpy.run_module("fkd_core", run_name="__main__")
else:
    sys.path.insert(0, sys.argv[0].rpartition("/")[0])
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("typed", [["fkd", "tune"], [f"{ROOT}/experiments/results.py"]])
def test_ctrl_c_while_it_loads_is_one_line(typed: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *typed],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "stopped before anything was begun\n"


@pytest.mark.parametrize("module", [module for module, _, _ in EXPERIMENTS.values()])
def test_a_script_runs_what_the_command_runs(module: str) -> None:
    script = importlib.import_module(f"experiments.{module}")
    package = importlib.import_module(f"fkd_core.experiments.{module}")
    assert script.main is package.main


def test_the_wheel_has_the_command_and_says_that_it_is_typed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"fkd": "fkd_core.cli:main"}
    assert "py.typed" in project["tool"]["setuptools"]["package-data"]["fkd_core"]
    assert (ROOT / "fkd_core" / "py.typed").is_file()
