"""What --help says: options in groups, the names they take, presets with their times, examples."""

from __future__ import annotations

import ast
import inspect
import math
import re
import textwrap
import types
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, Field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from fkd_core.errors import UserError, did_you_mean

GROUPS = {
    "What": (
        "photos", "data", "models", "transforms", "pipelines", "recipe", "probe", "warm_start",
        "export", "model", "pipeline", "apply", "show", "compare", "delete", "prune", "replay",
        "redo",
    ),
    "How much": (
        "preset", "trials", "epochs", "faces", "pairs", "seeds", "folds", "minutes", "gpu_hours",
        "every", "shown", "dry_run", "plan_power",
    ),
    "Where": ("results", "run", "ensemble", "out", "storage", "address", "gpus_per_trial"),
}  # fmt: skip
"""Options by their use; all others are for experts."""

_WIDTH = 26  # columns of an option and what it takes
_INDENT = "  "


def help_page(options: type[Any], about: str, width: int, program: str) -> str:
    """The page for a command with these options, in lines of so many columns; `program` is how the
    command is typed.

    The class may say more of them: NAMES (option to the names it takes), PRESETS (what each of
    them is and takes) and EXAMPLES (what follows the program).
    """
    words, hints = dict(_words(options)), get_type_hints(options)
    own = {field.name: field for field in fields(options)}
    grouped = {name for names in GROUPS.values() for name in names}
    groups = {**GROUPS, "Expert": tuple(name for name in own if name not in grouped)}
    lines = [*textwrap.wrap(about, width)]
    for group, names in groups.items():
        chosen = [own[name] for name in names if name in own]
        lines += ["", group] if chosen else []
        for field in chosen:
            lines += _option(field, hints[field.name], words.get(field.name, ""), width)
        if group == list(groups)[-1]:
            lines += _one("-h, --help", "This page; --version says which version this is.", width)
    for name, choices in getattr(options, "NAMES", {}).items():
        lines += ["", f"Names for --{name}", *_wrapped(", ".join(choices), width)]
    if presets := getattr(options, "PRESETS", {}):
        lines += ["", "Presets"]
        for name, said in presets.items():
            lines += _one(name, said, width)
    if examples := getattr(options, "EXAMPLES", ()):
        lines += ["", "Examples", *(f"{_INDENT}{program} {example}" for example in examples)]
    return "\n".join(lines)


def check_words(options: type[Any], given: Sequence[str]) -> None:
    """Raises UserError for an option that is none, or a word that it does not take, with the one
    that may have been meant."""
    hints = get_type_hints(options)
    known = {"--" + field.name.replace("_", "-"): field.name for field in fields(options)}
    paths = known.pop("--photos", None) is not None
    known |= {f"--no-{name[2:]}": own for name, own in known.items() if hints[own] is bool}
    takes = 0.0
    """Values that the option before may still take."""
    for word, after in pairwise([*given, "--"]):
        if word == "--":  # what follows are paths
            return
        if not _is_option(word):
            if not takes and not paths:
                raise UserError(f"{word!r} belongs to no option; --help lists them all")
            if not takes and not word:
                raise UserError("the path of a photo is empty; give one")
            takes = max(0, takes - 1)
            continue
        name, equals, value = word.partition("=")
        name = name.replace("_", "-")
        if name in ("--help", "--version"):
            continue
        if name not in known:
            file = f"; ./{word} is a file" if paths else ""
            meant = did_you_mean(name, known)
            raise UserError(f"there is no option {name}; {meant}--help lists them all{file}")
        hint = hints[known[name]]
        many = any(get_origin(part) is tuple for part in (hint, *get_args(hint)))
        takes = 0 if equals or hint is bool else math.inf if many else 1
        if hint is bool and equals:
            raise UserError(f"{name}: takes no value; write it alone (see --help)")
        if takes == 1 and _is_option(after):
            raise UserError(f"{name}: no value is given (see --help)")
        if takes == 1 or equals:
            _check_value(name, hint, value if equals else after)


def _is_option(word: str) -> bool:
    """Whether it is none of an option's values: a negative number and - are."""
    return bool(re.match(r"-[^.\d]", word))


def _check_value(name: str, hint: Any, value: str) -> None:
    """Raises UserError for a value that this option does not take."""
    kinds = {*(get_args(hint) if get_origin(hint) is not Literal else ()), hint}
    if Path in kinds and not value:
        raise UserError(f"{name}: the path is empty; give one, or leave {name} out")
    choices = [str(choice) for choice in _literals(hint)]
    if value in choices or (value == "None" and types.NoneType in kinds):
        return
    number = next((kind for kind in (float, int) if kind in kinds), None)
    if number is not None:
        try:
            number(value)
        except ValueError:
            what = " and not ".join(["a whole number" if number is int else "a number", *choices])
            raise UserError(f"{name}: {value!r} is not {what} (see --help)") from None
    elif choices and str not in kinds:
        meant = did_you_mean(value, choices)
        raise UserError(
            f"{name}: there is no {value!r}; {meant}choose from {', '.join(choices)} (see --help)"
        )


def _literals(hint: Any) -> tuple[Any, ...]:
    parts = get_args(hint)
    return parts if get_origin(hint) is Literal else sum(map(_literals, parts), ())


def _option(field: Field[Any], hint: Any, words: str, width: int) -> list[str]:
    default = field.default
    if default is MISSING and field.default_factory is not MISSING:
        default = None  # what the machine says, which the words tell
    nothing = default is None or default is False or default is MISSING or default == ()
    if isinstance(default, tuple):
        default = " ".join(map(str, default))
    name = field.name.replace("_", "-")
    label = f"--{name} {_takes(hint)}".strip()
    if default is True:
        label, default = f"--{name}, --no-{name}", "yes"
    if field.name == "photos":
        label = "PATH ..."
    more = "" if nothing or "ithout it" in words else f" (default: {default})"
    return _one(label, words + more, width)


def _one(label: str, words: str, width: int) -> list[str]:
    label = _INDENT + label
    column = _WIDTH + len(_INDENT)
    body = textwrap.wrap(words, max(20, width - column)) or [""]
    first = [] if len(label) < column - 1 else [label]
    if not first:
        first, body = [f"{label:<{column}}{body[0]}"], body[1:]
    return [*first, *(" " * column + line for line in body)]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT)


def _takes(hint: Any) -> str:
    """What follows an option on the command line."""
    kind, parts = get_origin(hint), [a for a in get_args(hint) if a not in (type(None), ...)]
    if kind is Literal:
        return "|".join(map(str, parts))
    if kind in (Union, types.UnionType):
        return "|".join(_takes(part) for part in parts)
    if kind is tuple:
        return f"{_takes(parts[0])} ..."
    named = {bool: "", int: "N", float: "NUMBER", Path: "PATH", str: "NAME"}
    return named.get(hint, "VALUE")


def _words(options: type[Any]) -> Iterator[tuple[str, str]]:
    """The docstring below each field, inherited ones first."""
    for kind in reversed(options.__mro__[:-1]):
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for field, below in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                value = below.value
                if isinstance(value, ast.Constant) and isinstance(field.target, ast.Name):
                    yield field.target.id, " ".join(str(value.value).split())
