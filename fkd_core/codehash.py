"""A version of code that changes when its behaviour may change, and not with its comments."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path


def code_version(*paths: Path) -> str:
    """SHA-256 (hex) over the syntax trees of Python files, docstrings and comments left out.

    A folder stands for every ``.py`` file below it, under its path inside the folder; a file
    stands under its own name. The order of `paths` and where they lie do not matter. Raises
    FileNotFoundError for a path that is not there and SyntaxError for a file that is not Python.
    """
    found: set[tuple[str, str]] = set()
    for path in paths:
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in files:
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            tree = ast.parse(file.read_bytes(), filename=file.name)
            found.add((name, hashlib.sha256(_text(tree).encode()).hexdigest()))
    return hashlib.sha256(repr(sorted(found)).encode()).hexdigest()


def _text(node: object) -> str:
    """The tree as text. ``ast.dump`` would do, but its text differs between Python versions."""
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in node._fields)
        inner = ",".join(f"{name}={_text(value)}" for name, value in fields if value)
        # 0, "" and False are values of a Constant, not fields left empty.
        value = f",{node.value!r}" if isinstance(node, ast.Constant) else ""
        return f"{type(node).__name__}({inner}{value})"
    if isinstance(node, list):
        return "[" + ",".join(_text(item) for item in node if not _is_text_alone(item)) + "]"
    return repr(node)


def _is_text_alone(node: object) -> bool:
    """A docstring, or any other string that stands as a statement and so does nothing."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
