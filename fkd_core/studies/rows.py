"""Rows: what Optuna's storage holds of some trials, read without touching the others.

Optuna's own readers give all trials of a study, or one trial in half a dozen queries through its
object mapper. Here the same rows are read by a few plain queries for those trials alone, from the
tables that Optuna's releases keep compatible (its schema has a version of its own).
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import bindparam, text

_AT_ONCE = 500
"""Trials in one query: bounds memory, and SQLite's number of variables."""
_SPECIAL = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


@dataclass(frozen=True)
class Head:
    """The least of a trial."""

    id: int
    """Optuna's, over all studies."""
    number: int
    state: TrialState
    seconds: float
    """What it has cost: the user attribute of that name."""


def heads(
    storage: BaseStorage, study: int, after: int = -1, among: Sequence[int] = ()
) -> list[Head]:
    """Of the trials with ids above `after` and of those `among`, in order of their ids."""
    if not isinstance(storage, RDBStorage):
        known = set(among)
        return [
            Head(t._trial_id, t.number, t.state, float(t.user_attrs.get("seconds", 0.0)))
            for t in storage.get_all_trials(study, deepcopy=False)
            if t._trial_id > after or t._trial_id in known
        ]
    query = """
        SELECT t.trial_id, t.number, t.state, a.value_json FROM trials t
        LEFT JOIN trial_user_attributes a ON a.trial_id = t.trial_id AND a.key = 'seconds'
        WHERE t.study_id = :study AND (t.trial_id > :after OR t.trial_id IN :among)
        ORDER BY t.trial_id"""
    return [
        Head(trial, number, TrialState[state], float(json.loads(seconds or "0")))
        for trial, number, state, seconds in _rows(storage, query, among, study=study, after=after)
    ]


def trials(
    storage: BaseStorage, found: Sequence[Head], whole: bool = True
) -> Iterator[FrozenTrial]:
    """These trials as they are now; unless `whole`, without parameters and steps."""
    if not isinstance(storage, RDBStorage):
        for head in found:
            yield storage.get_trial(head.id)
        return
    for first in range(0, len(found), _AT_ONCE):
        yield from _read(storage, found[first : first + _AT_ONCE], whole)


def study_attributes(storage: BaseStorage, study: int, keys: Sequence[str]) -> dict[str, Any]:
    """Of a study's system attributes these, as far as there are any."""
    if not isinstance(storage, RDBStorage):
        held = storage.get_study_system_attrs(study)
        return {key: held[key] for key in keys if key in held}
    query = """
        SELECT key, value_json FROM study_system_attributes
        WHERE study_id = :study AND key IN :among"""
    return {key: json.loads(value) for key, value in _rows(storage, query, keys, study=study)}


def _read(storage: RDBStorage, found: Sequence[Head], whole: bool) -> Iterator[FrozenTrial]:
    ids = [head.id for head in found]

    def of(table: str, columns: str, order: str = "trial_id") -> Mapping[int, list[Any]]:
        return _by_trial(storage, table, columns, ids, order)

    none: Mapping[int, list[Any]] = defaultdict(list)
    named = "param_name, param_value, distribution_json"
    stepwise = "step, intermediate_value, intermediate_value_type"
    params = of("trial_params", named, "param_id") if whole else none
    steps = of("trial_intermediate_values", stepwise) if whole else none
    system = of("trial_system_attributes", "key, value_json") if whole else none
    user = of("trial_user_attributes", "key, value_json")
    values = of("trial_values", "value, value_type")
    dates = of("trials", "datetime_start, datetime_complete")
    for head in found:
        among = {name: _distribution(kind) for name, _, kind in params[head.id]}
        ((begun, ended),) = dates[head.id]
        yield FrozenTrial(
            number=head.number,
            trial_id=head.id,
            state=head.state,
            value=None,
            values=[_SPECIAL.get(kind, value) for value, kind in values[head.id]] or None,
            datetime_start=_local(begun),
            datetime_complete=_local(ended),
            params={n: among[n].to_external_repr(value) for n, value, _ in params[head.id]},
            distributions=among,
            user_attrs={key: json.loads(value) for key, value in user[head.id]},
            system_attrs={key: json.loads(value) for key, value in system[head.id]},
            intermediate_values={n: _SPECIAL.get(kind, v) for n, v, kind in steps[head.id]},
        )


def _local(moment: str | datetime | None) -> datetime | None:
    """On the local clock, as Optuna gives it; kept in UTC, by SQLite as text."""
    if moment is None:
        return None
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


@lru_cache(maxsize=1024)
def _distribution(kind: str) -> BaseDistribution:
    """Of one parameter; the trials of a study share theirs."""
    return json_to_distribution(kind)


def _by_trial(
    storage: RDBStorage, table: str, columns: str, ids: Sequence[int], order: str = "trial_id"
) -> defaultdict[int, list[Any]]:
    query = f"SELECT trial_id, {columns} FROM {table} WHERE trial_id IN :among ORDER BY {order}"
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for trial, *rest in _rows(storage, query, ids):
        found[trial].append(rest)
    return found


def _rows(storage: RDBStorage, query: str, among: Sequence[int | str], **given: Any) -> list[Any]:
    statement = text(query).bindparams(bindparam("among", expanding=True))
    with storage.engine.connect() as connection:
        return list(connection.execute(statement, {"among": list(among), **given}))
