"""Examples in docstrings do what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ELSEWHERE = {"fkd_core.workspace", "fkd_core.ensemble.predictor"}
"""Their examples need folders, which their own tests have."""


def modules() -> list[str]:
    """Those with examples, told by their text: only these are imported."""
    paths = [p for room in ("fkd_core", "search_spaces") for p in (ROOT / room).rglob("*.py")]
    shown = [path for path in paths if ">>> " in path.read_text(encoding="utf-8")]
    names = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in shown]
    return sorted(name.removesuffix(".__init__") for name in names)


def test_the_modules_whose_examples_are_tested_elsewhere_have_some() -> None:
    assert {*modules()} >= ELSEWHERE


@pytest.mark.parametrize("name", sorted({*modules()} - ELSEWHERE))
def test_its_examples_do_what_they_say(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0
