"""The pool on a real Ray cluster that claims to have a GPU; what workers do there is simulated."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import ray

from fkd_core import libraries
from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FIGURES, Failed, FitResult, to_record
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.conv5 import Conv5
from fkd_core.models.lenet5 import LeNet5
from fkd_core.running import pool
from fkd_core.running import session as running_session
from fkd_core.running.place import Place
from fkd_core.running.pool import LEAST_MEMORY
from fkd_core.running.session import Session, session
from fkd_core.running.sharing import share_for

ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers have other paths

GIB = 1 << 30
TOTAL = 16 * GIB
PEAKS = {"lenet5": 2 * GIB, "conv5": 5 * GIB}
GREEDY, HANGS, DIES, ALWAYS_DIES = 101, 102, 103, 104
"""Seeds of fits to which something happens."""


class GpuWorker:
    """Holds a share of a GPU that is not there; a fit's seed says what becomes of it."""

    def __init__(
        self, faces: Faces, cache: str, checkpoints: str | None, gpus: float, memory: int
    ) -> None:
        assert memory >= LEAST_MEMORY
        self._cache, self._gpus = Path(cache), gpus

    def fit(self, spec: dict[str, Any], *_: Any, **__: Any) -> Any:
        parsed = FitSpec.from_json(spec)
        if parsed.seed == GREEDY and self._gpus < 0.5:
            return (*to_record(parsed, Failed("out of memory: OOM", out_of_memory=True)), [])
        if parsed.seed == HANGS:
            self._cache.mkdir(exist_ok=True)
            (self._cache / "hangs").touch()
        while parsed.seed == HANGS:
            time.sleep(1)
        died = self._cache / f"died {parsed.seed}"
        if parsed.seed == ALWAYS_DIES or (parsed.seed == DIES and not died.exists()):
            died.parent.mkdir(exist_ok=True)
            died.touch()
            os._exit(1)
        return (*to_record(parsed, _result(parsed)), [])

    def call(self, function: Any, *arguments: Any) -> Any:
        return TOTAL if function.__name__ == "gpu_total_bytes" else self._gpus


def _result(spec: FitSpec) -> FitResult:
    n, p = 2, len(spec.taught.keypoints)
    return FitResult(
        spec=spec,
        history=dict.fromkeys(FIGURES, np.ones(spec.training.epochs)),
        predictions=np.zeros((n, p, 2), np.float32),
        row=np.arange(n, dtype=np.int32),
        group=np.arange(n, dtype=np.uint64),
        squared=np.ones((n, p)),
        labelled=np.ones((n, p), bool),
        parameters=1,
        train_faces=1,
        train_rmse=1.0,
        best_epoch=spec.training.epochs,
        seconds={"train": 1.0},
        versions={},
        gpu_bytes=PEAKS[spec.model.name],
    )


def _specs(*seeds: int) -> list[FitSpec]:
    return [FitSpec(LeNet5(), training=Training(3), seed=seed) for seed in seeds]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 8, "num_gpus": 1})
    yield cluster.address
    cluster.shutdown()


@pytest.fixture
def joined(
    address: str, faces: Faces, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Session]:
    place = Place(tmp_path / "cache", address, **getattr(request, "param", {}))
    with session(faces, place, GpuWorker) as started:
        yield started


@pytest.fixture
def fits(tmp_path: Path, faces: Faces) -> Fits:
    return Fits(FitStore(tmp_path / "fits"), faces.fingerprint)


def _shares(joined: Session) -> set[float]:
    """Of a GPU, what workers have."""
    return set(joined.map([os.getpid] * 4))  # type: ignore[arg-type]


@pytest.mark.parametrize("joined", [{"gpus_per_trial": "auto"}], indirect=True)
def test_a_first_fit_of_each_model_says_how_many_share_a_gpu(joined: Session, fits: Fits) -> None:
    assert (joined.pool.share, joined.pool.size) == (1.0, 1)
    joined.pack(_specs(1, 2), fits)
    assert joined.pool.share == share_for(PEAKS["lenet5"], TOTAL) == 0.25
    assert joined.pool.size == 4
    assert _shares(joined) == {0.25}
    measured = fits.store.rows()
    assert [row["epochs"] for row in measured] == [1], "of one epoch, once"

    both = [*_specs(1), FitSpec(Conv5(), training=Training(3))]
    joined.pack(both, fits)
    assert joined.pool.share == share_for(PEAKS["conv5"], TOTAL), "the larger one decides"


def test_a_machine_with_other_libraries_than_the_driver_does_no_work(
    joined: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "version", {**libraries.versions(), "keras": "0.9"}.get)
    with pytest.raises(UserError, match=r"^machine \S+ has keras \S+ \(here: 0\.9\); results"):
        joined.map([os.getpid] * 2)
    assert joined.pool.size == 0


@pytest.mark.parametrize("joined", [{"gpus_per_trial": 0.25}], indirect=True)
def test_fits_that_run_out_of_memory_are_done_with_a_larger_share(
    joined: Session, fits: Fits
) -> None:
    assert joined.pool.size == 4
    outcomes = joined.run_fits(_specs(1, GREEDY, 2), fits)
    assert all(isinstance(outcome, FitResult) for outcome in outcomes)
    assert joined.pool.share == 0.25, "and the others have theirs back"


@pytest.mark.parametrize("joined", [{"gpus_per_trial": 0.2}], indirect=True)
def test_fits_that_run_out_of_memory_again_are_an_error_and_not_kept(
    joined: Session, fits: Fits
) -> None:
    with pytest.raises(UserError, match=r"lenet5 ran out of memory, also with 0\.4 of a GPU"):
        joined.run_fits(_specs(1, GREEDY), fits)
    assert len(fits.store.rows()) == 1


@pytest.mark.parametrize("joined", [{"gpus_per_trial": 0.5}], indirect=True)
def test_a_fit_whose_worker_dies_is_done_by_another(joined: Session, fits: Fits) -> None:
    outcomes = joined.run_fits(_specs(1, DIES, 2, 3), fits)
    assert all(isinstance(outcome, FitResult) for outcome in outcomes)
    assert (joined.place.cache / f"died {DIES}").exists()
    assert joined.pool.size == 2, "the dead one was replaced"


@pytest.mark.parametrize("joined", [{"gpus_per_trial": 1.0}], indirect=True)
def test_a_fit_that_kills_every_worker_is_one_clear_error(joined: Session, fits: Fits) -> None:
    with pytest.raises(UserError, match="4 workers died of the same task"):
        joined.run_fits(_specs(ALWAYS_DIES), fits)


@pytest.mark.parametrize("joined", [{"gpus_per_trial": 0.5, "fit_minutes": 20}], indirect=True)
def test_a_fit_that_hangs_is_one_clear_error_and_the_others_are_kept(
    joined: Session, fits: Fits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later_once_it_alone_is_left() -> float:
        hangs = (joined.place.cache / "hangs").exists() and len(fits.store.rows()) == 2
        return time.monotonic() + (3600 if hangs else 0)

    clock = SimpleNamespace(monotonic=later_once_it_alone_is_left)
    monkeypatch.setattr(running_session, "time", clock)
    with pytest.raises(UserError, match="took longer than 20 min"):
        joined.run_fits(_specs(1, HANGS, 2), fits)
    assert len(fits.store.rows()) == 2


def test_workers_that_fit_nowhere_are_one_clear_error(
    address: str, faces: Faces, tmp_path: Path
) -> None:
    with (
        pytest.raises(UserError, match="8 CPUs and 1 GPUs: lower --gpus-per-trial"),
        session(faces, Place(tmp_path, address, gpus_per_trial=2), GpuWorker),
    ):
        pass


@pytest.mark.parametrize("joined", [{"gpus_per_trial": 1.0}], indirect=True)
def test_a_pool_without_room_says_so_once_and_begins_when_there_is(
    joined: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def start(name: str, node: str, share: float, memory: int) -> Any:
        gpu_worker = ray.remote(GpuWorker).options(num_gpus=share)
        return gpu_worker.remote(None, str(joined.place.cache), None, share, memory)

    while not (holder := joined.pool.take()):
        joined.pool.wait([], 10)
    monkeypatch.setattr(pool, "NO_ROOM_SECONDS", 0.0)
    monkeypatch.setattr(pool, "LOOK_SECONDS", 0.0)
    waiting = pool.Pool(start, 1, 1.0)
    for _ in range(3):
        assert waiting.take() is None
    assert [r.getMessage() for r in caplog.records if "waiting for room" in r.getMessage()] == [
        "waiting for room: other work holds the CPUs or GPUs; see `ray status`"
    ]
    ray.kill(holder.actor)
    while not waiting.take():
        waiting.wait([], 10)
