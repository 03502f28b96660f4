"""The page on adding a model, a transform and a rule of search does what it says, in a copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
"""Code of the page by the file it belongs to."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for part in ("fkd_core", "search_spaces", "tests", "experiments"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, code in BLOCKS.items():
        path = folder / name
        path.write_text(code, encoding="utf-8")
    return folder


def _run(copy: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_page_shows_a_model_a_transform_and_rules_of_search() -> None:
    folders = [Path(name).parent.as_posix() for name in BLOCKS]
    assert sorted(folders) == [
        "fkd_core/augment/transforms", "fkd_core/models", "search_spaces", "tests/studies"
    ]  # fmt: skip
    model = BLOCKS["fkd_core/models/linear.py"]
    code = [line for line in model.splitlines() if line.strip() and '"""' not in line]
    assert len(code) <= 20


@pytest.mark.slow
@pytest.mark.parametrize("line", re.findall(r"^python .+$", PAGE, re.MULTILINE))
def test_a_command_of_the_page_works(copy: Path, line: str) -> None:
    arguments = line.split()[1:]
    if "pytest" in arguments:
        out = _run(copy, *arguments, "-q", "-p", "no:cacheprovider")
        assert int(re.findall(r"(\d+) passed", out)[0]) >= 5, out
    else:
        assert "at most" in _run(copy, *arguments, "--dry-run", "--results", str(copy / "results"))
