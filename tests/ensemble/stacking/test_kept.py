"""What stackers learned is kept: no run fits again what another has fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fkd_core.ensemble.stacking.base import Fitted, Job, in_turn
from fkd_core.ensemble.stacking.features import Inputs
from fkd_core.ensemble.stacking.kept import keeping, key
from fkd_core.ensemble.stacking.stacker import STACKERS
from fkd_core.fitting.store import FitStore

RNG = np.random.default_rng(5)
JOB = Job(
    STACKERS["ridge"],
    Inputs(RNG.normal(48, 3, (60, 2, 4)), np.empty((60, 0))),
    RNG.normal(48, 3, (60, 4)),
    np.arange(60, dtype=np.uint64),
)
OTHERS = {
    "stacker": replace(JOB, stacker=STACKERS["weights"]),
    "predictions": replace(JOB, inputs=Inputs(JOB.inputs.own + 0.01, JOB.inputs.other)),
    "other columns": replace(JOB, inputs=Inputs(JOB.inputs.own, np.ones((60, 1)))),
    "targets": replace(JOB, targets=JOB.targets + 0.01),
    "groups": replace(JOB, group=JOB.group[::-1]),
}


def test_only_what_was_never_fitted_is(tmp_path: Path) -> None:
    asked: list[Job] = []

    def run(jobs: Sequence[Job]) -> list[tuple[Fitted, float]]:
        asked.extend(jobs)
        return in_turn(jobs)

    other = OTHERS["stacker"]
    ((ridge, seconds),) = keeping(run, FitStore(tmp_path))([JOB])
    again, (weights, _), twice = keeping(run, FitStore(tmp_path))([JOB, other, JOB])
    assert asked == [JOB, other]
    assert again[1] == twice[1] == seconds
    for fitted, job in ((again[0], JOB), (weights, other)):
        ((fresh, _),) = in_turn([job])
        np.testing.assert_array_equal(fitted.predict(job.inputs), fresh.predict(job.inputs))
        assert fitted.notes == fresh.notes
    np.testing.assert_array_equal(ridge.predict(JOB.inputs), again[0].predict(JOB.inputs))


@pytest.mark.parametrize("name", OTHERS)
def test_another_job_has_another_key(name: str) -> None:
    assert key(OTHERS[name]) != key(JOB)


def test_an_option_of_a_stacker_and_the_libraries_count(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(JOB)
    neural = replace(JOB, stacker=STACKERS["neural"])
    assert key(replace(neural, stacker=replace(neural.stacker, seeds=9))) != key(neural)
    monkeypatch.setattr("fkd_core.ensemble.stacking.kept.versions", lambda _: {"scipy": "0"})
    assert key(JOB) != before
