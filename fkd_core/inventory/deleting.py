"""Deleting by name: what would go, what forbids it, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.artifacts import get_all_artifact_meta
from optuna.storages import BaseStorage

from fkd_core.errors import UserError
from fkd_core.inventory.files import drop
from fkd_core.inventory.kept import Kept, KeptFit, KeptRun, KeptStudy, Outcome, weights_label
from fkd_core.inventory.names import find
from fkd_core.inventory.needs import Needs
from fkd_core.inventory.stock import Inventory

_SHOWN = 3
"""So many reasons an error lists."""


@dataclass(frozen=True)
class Doomed:
    """Something that would go."""

    kept: Kept
    needed_by: Sequence[str]
    """What stays and needs it."""

    @property
    def bytes(self) -> int:
        """That come free; a study's rows leave room in its database, which does not shrink."""
        return 0 if isinstance(self.kept, KeptStudy) else self.kept.bytes


def doomed(inventory: Inventory, needs: Needs, names: Sequence[str]) -> list[Doomed]:
    """What these names mean. What needs it and goes along does not count.

    Raises UserError for a name that is unknown or ambiguous.
    """
    going = {kept.label: kept for kept in (find(inventory, name) for name in names)}
    runs = [kept for kept in going.values() if isinstance(kept, KeptRun)]

    def stays(label: str) -> bool:
        return label not in going and not any(run.has(label) for run in runs)

    return [
        Doomed(kept, [needer for needer in needed_by(needs, kept) if stays(needer)])
        for kept in going.values()
    ]


def needed_by(needs: Needs, kept: Kept) -> list[str]:
    """What needs it, or, of a fit, its weights."""
    also = [weights_label(kept.key)] if isinstance(kept, KeptFit) else []
    return list(dict.fromkeys(n for label in (kept.label, *also) for n in needs.get(label, ())))


def check_unneeded(going: Sequence[Doomed]) -> None:
    """Raises UserError where something that stays needs what goes."""
    for each in going:
        if each.needed_by:
            more = len(each.needed_by) - _SHOWN
            listed = ", ".join(each.needed_by[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
            raise UserError(
                f"{each.kept.label} is needed by {listed}; delete that too, or add --force"
            )


def delete(inventory: Inventory, going: Sequence[Doomed]) -> None:
    """Deletes; raises UserError, before anything is deleted, where a study is being searched."""
    inventory.check_idle(each.kept.name for each in going if isinstance(each.kept, KeptStudy))
    for each in going:
        match each.kept:
            case KeptStudy(name=name):
                assert inventory.storage is not None
                _drop_pictures(inventory.folder / "artifacts", name, inventory.storage.optuna)
                optuna.delete_study(study_name=name, storage=inventory.storage.optuna)
            case KeptFit(row=row):
                assert inventory.store is not None
                inventory.store.discard(row["key"])
            case Outcome(folder=folder):
                drop(folder)
            case KeptRun(run=run):
                drop(run.folder)


def _drop_pictures(folder: Path, study: str, storage: BaseStorage) -> None:
    """Deletes the pictures on the pages of a study's trials, which nothing else shows."""
    for trial in storage.get_all_trials(storage.get_study_id_from_name(study), deepcopy=False):
        for meta in get_all_artifact_meta(trial, storage=storage):
            drop(folder / meta.artifact_id)
