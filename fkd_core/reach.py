"""What code decides a result: the modules that its description reaches, and their version.

Import statements are followed in the source, those inside functions too, so nothing is imported
to find out. Words do not count: docstrings, comments, what errors and the log say, and what a
transform is called in plain words. Neither do imports for type checkers alone.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeGuard

NOT_FOLLOWED = {
    "fkd_core.models": "knows every model; a spec names its own",
    "fkd_core.layers": "loads every layer; a model names its own",
    "fkd_core.augment.transforms": "knows every transform; a policy names its own",
    "fkd_core.augment.draw": "renders, where there is a policy or a frame",
    "fkd_core.fitting.aligned": "straightens, where a fit is aligned by another",
    "fkd_core.fitting.steps_jax": "serves the backend jax",
    "fkd_core.fitting.steps_tensorflow": "serves the backend tensorflow",
    "fkd_core.fitting.fits": "finds results that are there",
    "fkd_core.files": "moves bytes, whatever they are",
    "fkd_core.errors": "carries words",
    "fkd_core.reach": "decides keys, not results",
    "fkd_core.libraries": "decides keys, not results",
}
"""Modules that count only as roots, or for what is imported *through* them, and why: importing
them says nothing of whether their code makes a result."""


def code_version(*paths: Path) -> str:
    """SHA-256 (hex) over Python files, words and layout left out.

    A folder stands for every ``.py`` file below it, under its path inside the folder; a file
    stands under its own name. The order of `paths` and where they lie do not matter. Raises
    FileNotFoundError for a path that is not there and SyntaxError for a file that is not Python.
    """
    found: set[tuple[str, str]] = set()
    for path in paths:
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in files:
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            found.add((name, _digest(ast.parse(file.read_bytes(), filename=file.name))))
    return hashlib.sha256(repr(sorted(found)).encode()).hexdigest()


@dataclass(frozen=True)
class _Module:
    """What is remembered of one file."""

    digest: str
    imports: tuple[tuple[str, str | None], ...]
    """(module, name): ``from module import name``, or ``import module`` where name is None."""
    origins: dict[str, str]
    """Name that ``from module import name`` binds here to that module."""


class Code:
    """The source of a package, each file parsed once; edits after that go unnoticed."""

    def __init__(self, package: Path) -> None:
        self._package = package
        self._modules: dict[str, _Module] = {}
        self._following: dict[str, set[str]] = {}
        self._versions: dict[frozenset[str], str] = {}

    def has(self, module: str) -> bool:
        """Whether the package has a module of this dotted name."""
        return self._file(module) is not None

    def version(self, roots: Iterable[str]) -> str:
        """SHA-256 (hex) over exactly the modules that `roots` reach."""
        roots = frozenset(roots)
        if roots not in self._versions:
            parts = [(name, self._module(name).digest) for name in sorted(self.reached(roots))]
            self._versions[roots] = hashlib.sha256(repr(parts).encode()).hexdigest()
        return self._versions[roots]

    def reached(self, roots: Iterable[str]) -> set[str]:
        """The modules that the roots import, directly or not, themselves included.

        Importing a module runs the packages around it, so they count too. Raises
        ModuleNotFoundError for a root that is not there.
        """
        found: set[str] = set()
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self._next(name)
        return found

    def _next(self, name: str) -> set[str]:
        if name not in self._following:
            outer = name.rpartition(".")[0]
            following = {outer} if outer else set()
            for module, part in self._module(name).imports:
                following.update(self._target(module, part))
            self._following[name] = following - NOT_FOLLOWED.keys()
        return self._following[name]

    def _target(self, module: str, part: str | None) -> list[str]:
        """What ``from module import part`` leads to."""
        file = self._file(module)
        if file is None:
            return []
        if part and self.has(f"{module}.{part}"):
            return [module, *self._target(f"{module}.{part}", None)]
        if module not in NOT_FOLLOWED:
            return [module]
        # Through it, to where it has this name from; whole packages lead to all they name.
        whole = part in (None, "*") and file.name == "__init__.py"
        origins = self._module(module).origins
        wanted = origins if whole else origins.keys() & {part}
        return [found for name in wanted for found in self._target(origins[name], name)]

    def _file(self, module: str) -> Path | None:
        first, *rest = module.split(".")
        if first != self._package.name:
            return None
        path = self._package.joinpath(*rest)
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                return file
        return None

    def _module(self, name: str) -> _Module:
        if name not in self._modules:
            file = self._file(name)
            if file is None:
                raise ModuleNotFoundError(f"{self._package} has no module {name}", name=name)
            is_package = file.name == "__init__.py"
            source = _OUTERMOST if name == self._package.name else file.read_bytes()
            self._modules[name] = _read(source, name, is_package)
        return self._modules[name]


_OUTERMOST = b'"words"'
"""What the package's own first file counts as: it is on everything's path, but only hands out,
to whom asks for it, the way in from Python, which no result is made by."""

CODE = Code(Path(__file__).parent)
"""The code of this process."""


def _digest(tree: ast.AST) -> str:
    return hashlib.sha256(_text(tree, _spoken(tree)).encode()).hexdigest()


@lru_cache(maxsize=512)
def _read(source: bytes, name: str, is_package: bool) -> _Module:
    tree = ast.parse(source, filename=name)
    package = name if is_package else name.rpartition(".")[0]
    imports: list[tuple[str, str | None]] = []
    origins: dict[str, str] = {}
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            imports += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            around = package.split(".")[: len(package.split(".")) - node.level + 1]
            module = ".".join([*(around if node.level else ()), *filter(None, [node.module])])
            imports += [(module, alias.name) for alias in node.names]
            origins |= {alias.asname or alias.name: module for alias in node.names}
        elif _is_for_type_checkers(node):
            waiting += node.orelse
        elif isinstance(node, ast.stmt | ast.Module | ast.excepthandler | ast.match_case):
            waiting += ast.iter_child_nodes(node)
    return _Module(_digest(tree), tuple(imports), origins)


def _is_for_type_checkers(node: object) -> TypeGuard[ast.If]:
    """``if TYPE_CHECKING:``, which never runs."""
    return isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING"


def _is_text_alone(node: object) -> bool:
    """A docstring, or any other string that stands as a statement and so does nothing."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


_LOGS = ("log", "_log", "logger", "_logger", "logging", "warnings")
_SAYS = ("debug", "info", "warning", "error", "exception", "critical", "warn")
_WORDS_OF_TRANSFORM = {"sentence": 1, "meaning": 2}
"""Arguments that say in words what a transform does, and their positions."""


def _spoken(tree: ast.AST) -> set[int]:
    """Ids of the expressions whose strings are read by people alone."""
    found: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            found.append(node.exc)
        elif isinstance(node, ast.Assert):
            found.append(node.msg)
        elif isinstance(node, ast.Call) and _says(node.func):
            found += [*node.args, *node.keywords]
        elif isinstance(node, ast.Call) and _name(node.func) == "Transform":
            found += [node.args[n] for n in _WORDS_OF_TRANSFORM.values() if n < len(node.args)]
            found += [k for k in node.keywords if k.arg in _WORDS_OF_TRANSFORM]
    return {id(node) for node in found if node is not None}


def _says(function: ast.expr) -> bool:
    """As ``log.warning``."""
    if not isinstance(function, ast.Attribute):
        return False
    return function.attr in _SAYS and _name(function.value) in _LOGS


def _name(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _text(node: object, spoken: set[int], words: bool = False) -> str:
    """The tree as text. ``ast.dump`` would do, but its text differs between Python versions.

    With `words`, a string only counts as being there.
    """
    if isinstance(node, list):
        parts = [_text(n, spoken, words) for n in node if not _is_text_alone(n)]
        return "[" + ",".join(parts) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    words = words or id(node) in spoken
    if words and isinstance(node, ast.JoinedStr):
        return "words"
    if isinstance(node, ast.Constant):  # 0, "" and False are values, not fields left empty
        return (
            "words" if words and isinstance(node.value, str) and node.value else f"{node.value!r}"
        )
    if _is_for_type_checkers(node):
        return _text(node.orelse, spoken)
    named = ((name, getattr(node, name, None)) for name in node._fields)
    inner = ",".join(f"{name}={_text(v, spoken, words)}" for name, v in named if v)
    return f"{type(node).__name__}({inner})"
