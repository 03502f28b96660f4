"""The dashboard's notes on a study and on its trials, each by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import optuna
from optuna.storages import BaseStorage

from fkd_core.studies import rows


@dataclass(frozen=True)
class Note:
    """In place of a trial or a study of Optuna's, where its dashboard saves and gets a note: the
    dashboard keeps the notes of all trials with their study, and would read every one of them."""

    _storage: BaseStorage
    study: optuna.Study
    _trial_id: int | None
    """None for the study's own note."""

    @property
    def storage(self) -> Note:
        """Itself, for no more is asked of it."""
        return self

    def get_study_system_attrs(self, study: int) -> dict[str, Any]:
        """What belongs to this note: its version, and its text in pieces of 2,045 characters."""
        own = "" if self._trial_id is None else f"{self._trial_id}:"
        start = f"dashboard:{own}note_"
        keys = [f"{start}ver", *(f"{start}str:{piece}" for piece in range(50))]
        return rows.study_attributes(self._storage, study, keys)

    def set_study_system_attr(self, study: int, key: str, value: Any) -> None:
        """Adds to it."""
        self._storage.set_study_system_attr(study, key, value)
