"""What a page is made of: sections, each with words and figures, and where figures come from."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from fkd_core.options import without_passwords


@dataclass(frozen=True)
class Figure:
    """A picture or a table, ready for a page."""

    title: str
    html: str
    caption: str = ""
    """How to read it, in plain words."""
    made_by: Mapping[str, Any] | None = None
    """See ``findings.provenance``; None for what no command made."""
    folded: bool = False
    """Whether it is shown only once somebody opens it (always in print)."""


@dataclass(frozen=True)
class Section:
    """A part of the page under one heading."""

    name: str
    """Of its anchor."""
    title: str
    words: Sequence[str] = ()
    """Paragraphs above the figures; text, escaped."""
    figures: Sequence[Figure] = ()
    missing: Sequence[tuple[str, str]] = ()
    """What is not there yet, and the command that makes it."""

    def html(self) -> str:
        """As a part of a page."""
        parts = [f"<p>{escape(words)}</p>" for words in self.words]
        parts += [missing(what, command) for what, command in self.missing]
        parts += [_figure(figure) for figure in self.figures]
        return (
            f'<section id="{self.name}"><h2>{escape(self.title)}</h2>{"".join(parts)}</section>\n'
        )


def missing(what: str, command: str) -> str:
    """One line in place of a figure that cannot be drawn yet."""
    return f'<p class="missing">{escape(what)} <code>{shown(command)}</code></p>'


def _figure(figure: Figure) -> str:
    source = f'<p class="made">{_origin(figure.made_by)}</p>' if figure.made_by else ""
    caption = f'<figcaption class="read">{escape(figure.caption)}</figcaption>'
    body = f"{figure.html}{caption if figure.caption else ''}{source}"
    if figure.folded:
        heading = f"<summary>{escape(figure.title)}</summary>"
        return f'<details>{heading}<figure class="figure">{body}</figure></details>'
    heading = f"<h3>{escape(figure.title)}</h3>" if figure.title else ""
    return f'<figure class="figure">{heading}{body}</figure>'


def told(made_by: Mapping[str, Any]) -> str:
    """Code, data, preset, seed and day behind a figure."""
    known = [f"{name} {made_by[key]}" for key, name in _TOLD if made_by.get(key) not in (None, "")]
    return " · ".join(known)


def _origin(made_by: Mapping[str, Any]) -> str:
    command = shown(str(made_by.get("command", "an unknown command")))
    return f"<code>{command}</code> · {escape(told(made_by))}"


_TOLD = (
    ("code", "code"), ("data", "data"), ("faces", "faces:"), ("preset", "preset"),
    ("seed", "seed"), ("date", "on"),
)  # fmt: skip


def shown(command: str) -> str:
    """A command as HTML; options are never broken at their hyphens."""
    words = [escape(word) for word in command.split(" ")]
    return " ".join(
        f'<span class="option">{word}</span>' if word.startswith("-") else word for word in words
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table of text; the first `words` columns are left-aligned, the others are numbers."""

    def cells(tag: str, row: Sequence[str]) -> str:
        looks = ['class="word"' if number < words else "" for number in range(len(row))]
        return "".join(
            f"<{tag} {look}>{escape(cell)}</{tag}>" for look, cell in zip(looks, row, strict=True)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = f"<tr>{cells('th', columns)}</tr>"
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="table">'
        f"<table><thead>{head}</thead><tbody>{body}</tbody></table></div>"
    )


def command_of(script: str, options: Mapping[str, Any], *more: str) -> str:
    """The command line of another experiment on the same data and results."""
    words = ["python", f"experiments/{script}.py"]
    for name in ("data", "corrections", "results", "run", "storage"):
        given = options.get(name)
        if given not in (None, "", _DEFAULTS.get(name)):
            words += [f"--{name}", str(given)]
    return without_passwords(shlex.join([*words, *more]))


_DEFAULTS = {"results": "results"}
