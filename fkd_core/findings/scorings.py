"""How often set final was scored: a line each time, which nothing takes away again.

Its faces choose nothing, so what is measured on them is honest. Whoever goes on with what scored
well there has chosen by them after all, and only the number of scorings tells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fkd_core.runs import FINAL, Run

_ALIKE = ("run", "data", "scored", "px")
"""Where these are equal a command was only repeated, and nothing new was seen."""


def scored(run: Run, made_by: Mapping[str, Any], what: str, px: float) -> None:
    """Adds that this was scored on set final, and what came out, unless that is there."""
    path = run.folder.parent / FINAL
    told = {name: made_by.get(name) for name in ("date", "command", "pictures", "data")}
    line = {"run": run.name, **told, "scored": what, "px": round(px, 5)}
    if any(all(old.get(name) == line[name] for name in _ALIKE) for old in _lines(path)):
        return
    whole = not path.exists() or path.read_bytes().endswith(b"\n")  # a crash may cut a line off
    with open(path, "ab") as file:
        file.write((b"" if whole else b"\n") + json.dumps(line).encode() + b"\n")


def scorings(results: Path, made_by: Mapping[str, Any]) -> int:
    """How often set final of the pictures of what this made was scored in a results folder."""
    pictures = made_by.get("pictures")
    return sum(line.get("pictures") == pictures for line in _lines(results / FINAL))


def in_words(number: int) -> str:
    """The number, and why it matters."""
    often = "once" if number == 1 else f"{number} times"
    return (
        f"Set final of these pictures was scored {often} here: the more often choices follow it, "
        "the more it flatters."
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    """Those that can be read."""
    found = []
    for text in path.read_bytes().splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            found.append(line)
    return found
