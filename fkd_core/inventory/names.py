"""Names: what a user calls a run, an outcome, a study or a fit."""

from __future__ import annotations

import difflib
import re
from bisect import bisect
from collections.abc import Sequence

from fkd_core.errors import UserError
from fkd_core.inventory.kept import KEY_DIGITS, Kept, KeptFit, KeptRun, KeptStudy, Outcome
from fkd_core.inventory.stock import Inventory
from fkd_core.runs import SHARED

_SHOWN = 4
"""So many names an error lists."""


def find(inventory: Inventory, name: str, part: bool = False) -> Kept:
    """The run, the outcome or the study of this name, or the fit whose key begins so; or, where a
    `part` of a name will do, the only one that has it in its name.

    Raises UserError where there is none or more than one, naming near ones.
    """
    wanted = name.strip("/")
    named: list[KeptRun | Outcome | KeptStudy] = [
        *inventory.runs,
        *inventory.outcomes,
        *inventory.studies,
    ]
    found: list[Kept] = [kept for kept in named if kept.name == wanted]
    if re.fullmatch(r"[0-9a-f]+", wanted):
        found += [fit for fit in inventory.fits if fit.key.startswith(wanted)]
    if part and not found:
        found = [kept for kept in named if wanted.casefold() in kept.name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        more = "" if len(found) <= _SHOWN else f" and {len(found) - _SHOWN} more"
        listed = ", ".join(kept.label for kept in found[:_SHOWN])
        raise UserError(f"{name!r} means {listed}{more}; give more of the name")
    if not inventory.parts and not named:
        raise UserError(f"{inventory.folder} holds nothing yet, so no {name!r}; run an experiment")
    if wanted in SHARED:
        raise UserError(
            f"{name!r} is a folder that all runs share: --show lists it, --prune makes room, and "
            "pictures go with their study"
        )
    near = _near(wanted, [kept.name for kept in named], [fit.key for fit in inventory.fits])
    hint = f"near it: {', '.join(near)}" if near else "without options, all are listed"
    raise UserError(f"no run, outcome, study or fit here is called {name!r}; {hint}")


def find_run(inventory: Inventory, name: str) -> KeptRun:
    """The run of this name, or the only one that has it in its name. Raises UserError where there
    is none or more than one, naming those there are."""
    wanted = name.strip("/")
    runs = inventory.runs
    found = [run for run in runs if run.name == wanted] or [
        run for run in runs if wanted.casefold() in run.name.casefold()
    ]
    if len(found) == 1:
        return found[0]
    there = ", ".join(run.name for run in found or runs) or "none"
    raise UserError(
        f"{name!r} means {there}; give more of the name"
        if found
        else f"no run here is called {name!r}; there are: {there}"
    )


def find_study(inventory: Inventory, name: str) -> KeptStudy:
    """The study of this name. Raises UserError where there is none, naming near ones."""
    for study in inventory.studies:
        if study.name == name:
            return study
    near = _near(name, [study.name for study in inventory.studies], [])
    hint = f"near it: {', '.join(near)}" if near else "without options, all are listed"
    raise UserError(f"no study here is called {name!r}; {hint}")


def find_fit(inventory: Inventory, name: str) -> KeptFit:
    """The fit whose key begins so. Raises UserError where it is none, or not one."""
    found = find(inventory, name)
    if isinstance(found, KeptFit):
        return found
    raise UserError(f"{name!r} is {found.label}, not a fit; give a fit's key")


def _near(name: str, names: Sequence[str], keys: Sequence[str]) -> list[str]:
    """What the user may have meant."""
    if re.fullmatch(r"[0-9a-f]{3,}", name):
        ordered = sorted(keys)
        at = bisect(ordered, name)  # neighbours share the longest beginning
        close = [key for key in ordered[max(0, at - 2) : at + 2] if key[:3] == name[:3]]
        return [key[:KEY_DIGITS] for key in close]
    within = [each for each in names if name in each]
    close = difflib.get_close_matches(name, names, _SHOWN, 0.5)
    return list(dict.fromkeys(within + close))[:_SHOWN]
