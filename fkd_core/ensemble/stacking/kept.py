"""Fitted stackers that are kept: what one run combined, another reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from fkd_core.ensemble.stacking.base import Fitted, Job, Run
from fkd_core.ensemble.stacking.stacker import from_arrays, to_arrays
from fkd_core.fitting.store import FitStore
from fkd_core.libraries import STACKING, versions
from fkd_core.reach import CODE


def keeping(run: Run, store: FitStore) -> Run:
    """`run`, for the jobs alone that this store has no outcome of; theirs is kept there."""

    def kept(jobs: Sequence[Job]) -> list[tuple[Fitted, float]]:
        keys = [key(job) for job in jobs]
        found = {each: _read(store, each) for each in keys}
        todo = {each: job for each, job in zip(keys, jobs, strict=True) if found[each] is None}
        for each, (fitted, seconds) in zip(todo, run([*todo.values()]), strict=True):
            store.put(each, {"seconds": seconds}, to_arrays(fitted))
            found[each] = fitted, seconds
        return [outcome for each in keys if (outcome := found[each]) is not None]

    return kept


def key(job: Job) -> str:
    """What a job's outcome is kept under: the stacker, all that it is given, and the code."""
    arrays = (job.inputs.own, job.inputs.other, job.targets, job.group)
    given = [[a.shape, hashlib.sha256(np.ascontiguousarray(a).data).hexdigest()] for a in arrays]
    identity = [
        job.stacker.name,
        asdict(job.stacker),
        given,
        CODE.version({type(job.stacker).__module__}),
        versions(STACKING),
    ]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def _read(store: FitStore, kept_under: str) -> tuple[Fitted, float] | None:
    stored = store.get(kept_under)
    if stored is None:
        return None
    return from_arrays(stored.arrays), float(stored.record["seconds"])
