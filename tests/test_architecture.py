"""The arrows between rooms that docs/architecture.md draws are the import statements' own."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def drawn() -> tuple[set[str], dict[str, set[str]]]:
    """The single modules that all may import, and what each room leans on besides."""
    rows = [
        [re.findall(r"`(\w+)`", cell) for cell in line.split("|")[1:4]]
        for line in PAGE.split("## The rooms")[1].splitlines()
        if line.startswith("| `")
    ]
    ground, *rooms = rows
    return {*ground[0]}, {room: {*leans_on} for (room,), _, leans_on in rooms}


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, wherever it does, but for its types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typed = [node for node in ast.walk(tree) if _is_for_types(node)]
    left_out = {below for node in typed for below in ast.walk(node)}
    for node in ast.walk(tree):
        if node in left_out:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def room_of(module: str) -> str | None:
    """The room that a module is in; None for the project itself and for libraries."""
    package, *inside = module.split(".")
    if package == "search_spaces":
        return package
    if package != "fkd_core" or not inside or inside[0] == "__file__":
        return None
    return inside[0]


def found() -> dict[str, set[str]]:
    """What each room leans on, by its import statements."""
    arrows: dict[str, set[str]] = defaultdict(set)
    for package in ("fkd_core", "search_spaces"):
        for path in (ROOT / package).rglob("*.py"):
            own = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
            if own not in (None, "__init__"):
                arrows[own or ""] |= {room_of(name) or "" for name in imported(path)} - {own, ""}
    return arrows


def test_rooms_lean_on_what_the_page_says_and_on_nothing_else() -> None:
    ground, rooms = drawn()
    arrows = found()
    assert {*arrows} == ground | {*rooms}
    for room, leans_on in rooms.items():
        assert arrows[room] - ground == leans_on, room
    for room in ground:
        assert arrows[room] <= ground, room


def test_no_room_leans_on_one_below_it_so_there_is_no_circle() -> None:
    _, rooms = drawn()
    above: set[str] = set()
    for room, leans_on in rooms.items():
        assert leans_on <= above, room
        above.add(room)


def test_ray_is_imported_by_those_alone_who_run_things() -> None:
    own = {"running", "studies/ray_tune.py", "studies/proxy.py"}
    for path in (ROOT / "fkd_core").rglob("*.py"):
        if any(name.split(".")[0] == "ray" for name in imported(path)):
            inside = path.relative_to(ROOT / "fkd_core").as_posix()
            assert inside in own or inside.split("/")[0] in own, inside
