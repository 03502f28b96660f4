"""What a study says of its trials, against the scheduler's own log of what it ran."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from simulated_search import TUNING

from fkd_core.augment.policy import Policy
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.store import FitStore
from fkd_core.protocols.tuning import Tuning
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.running.place import Place
from fkd_core.running.session import session
from fkd_core.running.simulated import SimulatedWorker, simulated_faces
from fkd_core.studies import ray_tune as tune
from fkd_core.studies.scheduler import Scheduler
from fkd_core.studies.storage import Storage
from search_spaces.model import ModelSpace


@dataclass
class Log:
    """Ray Tune's view."""

    runs: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Ids of Tune's trials, by number of the study's trial."""
    results: dict[str, int] = field(default_factory=dict)
    """Results that each of Tune's trials gave."""
    ended: dict[str, str] = field(default_factory=dict)
    """How each of Tune's trials ended."""


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Filled by Tune's callbacks while studies run."""
    log = Log()

    class Listening(tune._Forget):
        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            log.ended[trial.trial_id] = "complete"
            log.results[trial.trial_id] = trial.last_result["training_iteration"]

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            log.ended[trial.trial_id] = "error"

    class Numbering(Scheduler):
        def suggest(self, trial_id: str) -> dict[str, Any] | None:
            found = super().suggest(trial_id)
            if found is not None:
                log.runs[self._active[trial_id].number].append(trial_id)
            return found

    monkeypatch.setattr(tune, "_Forget", Listening)
    monkeypatch.setattr(tune, "Scheduler", Numbering)
    return log


@pytest.mark.slow
def test_every_end_of_a_trial_is_what_the_scheduler_saw(log: Log, tmp_path: Path) -> None:
    faces = simulated_faces()
    fits = Fits(FitStore(tmp_path / "fits"), faces.fingerprint)
    die = tmp_path / "cache" / "die"
    die.parent.mkdir()
    die.touch()  # one worker dies in the middle of a fit
    plan = TuningPlan(
        ModelSpace("lenet5"), "complete", replace(TUNING, trials=8), Policy(), seed=0
    )
    with session(faces, Place(tmp_path / "cache"), SimulatedWorker) as ray_session:
        study = Tuning(plan, ray_session, fits, Storage()).study
        tune.run_studies(ray_session, [study], fits)

    states = {trial.state for trial in study.trials}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}
    assert sum(trial.user_attrs.get("interrupted", 0) for trial in study.trials) == 1
    assert set(log.ended.values()) == {"complete"}
    for trial in study.trials:
        runs = log.runs[trial.number]
        assert len(runs) == 1 + trial.user_attrs.get("interrupted", 0)
        if len(runs) == 1:
            assert log.results[runs[0]] == len(trial.intermediate_values), "a step to every result"
        if trial.state == TrialState.PRUNED:
            assert max(trial.intermediate_values) < TUNING.epochs
            assert trial.user_attrs["fits"] == []
        else:
            assert max(trial.intermediate_values) == TUNING.epochs
            assert len(trial.user_attrs["fits"]) == 1
