"""Options in their two other forms: the config.json of a run, and a line to type."""

from __future__ import annotations

import json
import os
import re
import shlex
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from fkd_core.errors import UserError

Chosen = TypeVar("Chosen")

MOST = {"epochs": 10_000, "pairs": 200, "seeds": 1000, "refits": 1000, "trials": 1_000_000}
"""More of these are no use, or are not possible: fits have no more epochs than 100,000, and the
reference takes up to nine times as many as what it is compared with; what counts from other seeds
begins where so many pairs or seeds end."""

_NOT_KEPT = ("config", "dry_run")
"""Of a run, but not of what it does."""


def read_options(path: Path, options: type[Chosen]) -> Chosen:
    """The options in a config.json that such a command wrote.

    Raises UserError where it cannot be read or holds what these options do not know.
    """
    path = path / "config.json" if path.is_dir() else path
    try:
        given = json.loads(path.read_text(encoding="utf-8"))["options"]
        names = {name: value for name, value in given.items() if name not in _NOT_KEPT}
    except OSError as error:
        raise UserError(
            f"--config: {path} cannot be read ({error.strerror}); give the config.json that a run "
            "wrote"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"--config: {path} holds no options of a run; give the config.json that one wrote"
        ) from error
    hints = get_type_hints(options)
    unknown = [name for name in names if name not in hints]
    if unknown:
        raise UserError(
            f"--config: {path} is another command's or version's, with options that this one has "
            f"not: {', '.join(map(option, unknown))}"
        )
    chosen = {}
    for name, value in names.items():
        try:
            chosen[name] = _of(hints[name], value)
        except (TypeError, ValueError, OverflowError) as error:
            raise UserError(f"--config: {path}, {option(name)}: {error}") from error
    return options(**chosen)


def _of(hint: Any, value: Any) -> Any:
    """A value of JSON as one of this type. Raises ValueError where it is none."""
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    for kind in kinds:
        origin, inside = get_origin(kind), get_args(kind)
        if kind is types.NoneType and value is None:
            return None
        if kind is Path and isinstance(value, str) and value:
            return Path(value)
        if origin is tuple and isinstance(value, list):
            return tuple(_of(inside[0], each) for each in value)
        if inside and origin is not tuple and value in inside:  # Literal
            return value
        if kind in (str, bool) and isinstance(value, kind):
            return value
        if kind in (int, float) and isinstance(value, (int, kind)) and not isinstance(value, bool):
            return kind(value)
    choices = [
        repr(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)
    ]
    wanted = f"; choose from {', '.join(choices)}" if choices else ""
    raise ValueError(f"{value!r} is not what it should be{wanted}")


def made(kind: Callable[..., Chosen], given: Mapping[str, Any]) -> Chosen:
    """Options of this kind, a dataclass's, with these values. Raises UserError for one that its
    option does not take."""
    hints = get_type_hints(kind)
    for name, value in given.items():
        plain = list(value) if isinstance(value, tuple) else value
        try:
            _of(hints[name], str(value) if isinstance(value, Path) else plain)
        except ValueError as error:
            raise UserError(f"{option(name)}: {error}") from error
    return kind(**given)


def without_passwords(command: str) -> str:
    """A command line as it may be shown and kept."""
    return re.sub(r"(://[^\s:/@]+):[^\s@]+@", r"\1:***@", command)


def typed(program: str, options: Any) -> str:
    """The command line that asks for these options, a dataclass's, where they are no defaults;
    without passwords."""
    words = list[str]()
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name in _NOT_KEPT or value == _default(field):
            continue
        if isinstance(value, bool):
            words.append(option(field.name) if value else option(f"no_{field.name}"))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            words += [option(field.name), *map(str, value)]
        else:
            words += [option(field.name), str(value)]
    return without_passwords(" ".join([program, *map(shlex.quote, words)]))


def at_home(word: str) -> str:
    """A word of a command line with the home folder for ``~``, which shells leave after an equals
    sign and in quotes."""
    name, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    if value[:2] not in ("~", "~/"):
        return word
    return name + equals + os.path.expanduser(value)  # noqa: PTH111  # a homeless user's stays


def option(name: str) -> str:
    """A field's name as it is written on the command line."""
    return "--" + name.replace("_", "-")


def check_counts(given: Mapping[str, float | None], **least: int) -> None:
    """Raises UserError where one of these, by name, is given and less than its `least`, or more
    than MOST says."""
    for name, low in least.items():
        count, high = given[name], MOST.get(name)
        if count is None:
            continue
        if not count >= low:
            raise UserError(f"{option(name)}: {count:g} is too few; give {low} or more")
        if high is not None and count > high:
            raise UserError(f"{option(name)}: {count:,} is too many; give {high:,} or fewer")


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
