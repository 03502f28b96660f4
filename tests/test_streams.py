"""Commands whose standard streams are closed, or whose output nobody reads to its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = "experiments/results.py"


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform == "win32", reason="its shells close no streams")
def test_closed_streams_change_nothing(tmp_path: Path) -> None:
    asked = f"--results {tmp_path}"
    assert shell(f"{sys.executable} {SCRIPT} {asked} <&- >&- 2>&-").returncode == 0
    done = shell(f"{sys.executable} -m fkd_core results {asked} --show x >&-")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")


@pytest.mark.skipif(sys.platform == "win32", reason="its pipes are others")
@pytest.mark.parametrize("asked", ["-m fkd_core", "-m fkd_core --version", f"{SCRIPT} --help"])
def test_output_that_nobody_reads_ends_the_program_without_a_word(asked: str) -> None:
    done = shell(f"{sys.executable} {asked} | true; echo ${{PIPESTATUS[0]}}")
    assert done.stderr == ""
    assert done.stdout in ("1\n", "0\n"), "the pipe may take it before it is closed"
