"""What a run's tables and notes say: verdicts, scores, options; and how two runs differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fkd_core.inventory.files import mapping
from fkd_core.runs import Run
from fkd_core.tables import Cells, rows_of

Interval = tuple[float, float, float]
"""A figure and the ends of its 95% interval, px."""

Configs = Mapping[str, Mapping[str, Any]]
"""A run's config.json of each command, by the folder that it lies in."""

_WHERE = ("results", "run", "storage", "address", "checkpoints", "minutes", "dry_run")
"""Options that say where and how long a command works, and nothing of what comes out."""
_APART = ("options", "made_by", "inputs")
"""Parts of a config.json that are no settings themselves."""
_LONGEST = 60


def verdicts(run: Run) -> dict[str, list[Cells]]:
    """The rows of its verdicts by pipeline, the complete one's first."""
    found = dict[str, list[Cells]]()
    for pipeline, path in run.tables("verdicts").items():
        if rows := [row for row in rows_of(path) if row.get("transform")]:
            found[pipeline] = [*rows]
    return found


def scores(run: Run) -> dict[str, Interval]:
    """RMSE on set final: of the ensemble and what it is compared with, then of tuned models."""
    found = {arm: score for arm, figure, score in measured(run.score) if figure == "score"}
    for row in rows_of(run.tuned):
        if score := _interval(row, "rmse", "low", "high"):
            found[f"{row.get('model')}, {row.get('pipeline')}, tuned"] = score
    return found


def measured(scores: Path) -> Iterator[tuple[str, str, Interval]]:
    """Arm, column and figure of all in an ensemble's table of scores that can be read."""
    for row in rows_of(scores):
        for column in row:
            if found := _interval(row, column, f"{column}_low", f"{column}_high"):
                yield row.get("arm", ""), column, found


def part_scored(row: Cells) -> str:
    """Of a row of a table of scores, in words, the part of the requested coordinates that they
    speak for; empty where that is all of them, or is not told."""
    try:
        covers = float(row.get("covers") or 1)
    except ValueError:
        return ""
    return "" if covers >= 1 else f"{covers:.0%} of what the competition requests"


def _interval(row: Cells, *columns: str) -> Interval | None:
    """None where there is none: a table of another version, or one that is damaged."""
    try:
        value, low, high = (float(row[column]) for column in columns)
    except (KeyError, ValueError, TypeError):
        return None
    return value, low, high


def differing(one: Configs, other: Configs) -> list[tuple[str, str, str, str]]:
    """Command's folder, option and both values, of what differs in options as given and resolved,
    and in the code; of commands that both runs have."""
    found = []
    for name in (name for name in one if one[name] and other.get(name)):
        a, b = _told(one[name]), _told(other[name])
        keys = list(dict.fromkeys((*a, *b)))
        found += [
            (name, key, a.get(key, ""), b.get(key, "")) for key in keys if a.get(key) != b.get(key)
        ]
    return found


def _told(config: Mapping[str, Any]) -> dict[str, str]:
    """Every setting of a config.json in one line each."""
    options, made_by = mapping(config.get("options")), mapping(config.get("made_by"))
    told = {key: value for key, value in options.items() if key not in _WHERE}
    told |= {key: value for key, value in config.items() if key not in _APART}
    told |= {key: value for key, value in made_by.items() if key == "code"}
    return {key: _shown(value) for key, value in _flat(told)}


def _flat(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _shown(value: Any) -> str:
    """A value in a few words; of a long one, its digest tells whether it is another."""
    if value is None:
        return "not given"
    if isinstance(value, Sequence) and not isinstance(value, str):
        plain = ", ".join(str(each) for each in value)
        if all(isinstance(each, str | int | float) for each in value) and len(plain) <= _LONGEST:
            return plain or "none"
        digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
        return f"{len(value)} entries, {digest[:8]}"
    return str(value)
