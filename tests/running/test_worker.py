"""Workers: what is lost with one goes on in another, and one that holds too much leaves."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split
from fkd_core.fitting import fit as fit_module
from fkd_core.fitting import runtime
from fkd_core.fitting.checkpoints import Checkpoints
from fkd_core.fitting.fit import fit, graph_of
from fkd_core.fitting.result import Checkpoint, FitResult, Progress, from_record
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models.conv5 import Conv5
from fkd_core.models.lenet5 import LeNet5
from fkd_core.running.worker import FitWorker, Told, must_leave, own_memory, usable

EPOCHS = 6


@pytest.fixture
def spec(backend: str) -> FitSpec:
    return FitSpec(
        replace(LeNet5.tiny(), dropout=0.3),
        split=Split("all"),
        training=Training(epochs=EPOCHS, batch_size=8, learning_rate=3e-3, ema=0.5),
        backend=backend,  # type: ignore[arg-type]
    )


@pytest.fixture(autouse=True)
def _share_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_share", 0.0)


def whole(told: Told) -> FitResult:
    assert not isinstance(told, Progress)
    outcome = from_record(told[0], told[1])
    assert isinstance(outcome, FitResult), outcome
    return outcome


def paused(told: Told) -> Progress:
    assert isinstance(told, Progress), "it was not paused"
    return told


def assert_equal_bits(one: FitResult, two: Any) -> None:
    assert isinstance(two, FitResult)
    np.testing.assert_array_equal(one.predictions, two.predictions)
    for name, values in two.history.items():
        np.testing.assert_array_equal(one.history[name], values)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The epochs, from 0, that are trained in this process from now on."""
    seen: list[int] = []
    epoch = fit_module._Fit._epoch

    def spy(self: Any, number: int, *shown: Any) -> tuple[float, float]:
        seen.append(number)
        return epoch(self, number, *shown)

    monkeypatch.setattr(fit_module._Fit, "_epoch", spy)
    return seen


# What is lost goes on


class _LostError(BaseException):
    """In place of a machine that is lost."""


def test_a_fit_whose_worker_is_lost_goes_on_in_another_with_the_same_result(
    spec: FitSpec, faces: Faces, tmp_path: Path, trained: list[int], monkeypatch: Any
) -> None:
    expected = fit(spec, faces)
    cache, kept = str(tmp_path / "cache"), str(tmp_path / "checkpoints")
    put = Checkpoints.put

    def put_and_die(self: Checkpoints, key: str, checkpoint: Checkpoint) -> None:
        put(self, key, checkpoint)
        raise _LostError

    trained.clear()
    dying = FitWorker(faces, cache, kept, checkpoint_seconds=0.0)
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "put", put_and_die)
        with pytest.raises(_LostError):
            dying.fit(spec.to_json())
    assert trained == [0]
    known = Checkpoints(kept).get(spec.key(faces.fingerprint))
    assert known is not None

    result = whole(FitWorker(faces, cache, kept).fit(spec.to_json()))
    assert trained == list(range(EPOCHS))
    assert_equal_bits(result, expected)
    assert result.seconds["train"] > known.seconds["train"]
    assert list(Path(kept).iterdir()) == []


def test_a_paused_fit_goes_on_in_another_worker_where_checkpoints_are_kept(
    spec: FitSpec, faces: Faces, tmp_path: Path, trained: list[int]
) -> None:
    def worker(kept: str | None) -> FitWorker:
        return FitWorker(faces, str(tmp_path / "cache"), kept)

    told, kept = spec.to_json(), str(tmp_path / "checkpoints")
    first = paused(worker(kept).fit(told, looks=[2, 4]))
    second = paused(worker(kept).fit(told, looks=[2, 4]))
    assert (first.epoch, second.epoch) == (2, 4)
    assert list(second.held_out_rmse[:2]) == list(first.held_out_rmse)
    assert second.seconds > first.seconds
    assert trained == [0, 1, 2, 3]

    other = replace(spec, seed=1).to_json()  # another fit is not mistaken for it
    assert paused(worker(kept).fit(other, looks=[2])).epoch == 2
    assert paused(worker(None).fit(told, looks=[2])).epoch == 2
    trained.clear()
    assert_equal_bits(whole(worker(kept).fit(told)), fit(spec, faces))
    assert trained[: EPOCHS - 4] == [4, 5]


def test_a_worker_prefers_its_own_paused_fit_and_counts_its_seconds_once(
    spec: FitSpec, faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = FitWorker(faces, str(tmp_path / "cache"), str(tmp_path / "checkpoints"))
    told = spec.to_json()
    phases = [dict.fromkeys(("load", "train"), 0.0)]

    @contextlib.contextmanager
    def clock(self: fit_module._Fit, name: str) -> Iterator[None]:
        """A second a phase, whatever the machine does."""
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + 1
        phases[0][name] = phases[0].get(name, 0.0) + 1

    monkeypatch.setattr(fit_module._Fit, "_phase", clock)
    first = paused(worker.fit(told, looks=[2, 4]))
    assert first.seconds == sum(phases[0].values())

    def refuse(self: Checkpoints, key: str) -> None:
        raise AssertionError("it has the state in memory")

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "get", refuse)
        second = paused(worker.fit(told, looks=[2, 4]))
    assert second.seconds == sum(phases[0].values())
    elsewhere = FitWorker(faces, str(tmp_path / "cache"), str(tmp_path / "checkpoints"))
    result = whole(elsewhere.fit(told))
    assert sum(result.seconds.values()) == sum(phases[0].values())
    assert result.seconds["train"] == EPOCHS


def test_the_checkpoint_of_a_fit_that_failed_is_discarded(
    spec: FitSpec, faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "checkpoints"
    worker = FitWorker(faces, str(tmp_path / "cache"), str(kept))
    paused(worker.fit(spec.to_json(), looks=[2]))
    assert len(list(kept.iterdir())) == 1

    def exhausted(*_: Any) -> None:
        raise MemoryError("9 GB")

    monkeypatch.setattr(fit_module._Fit, "_epoch", exhausted)
    told = worker.fit(spec.to_json())
    assert not isinstance(told, Progress)
    assert told[0]["summary"]["out_of_memory"] is True
    assert list(kept.iterdir()) == []


def test_a_cache_that_cannot_be_written_here_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "new" / "cache"
    assert usable(there) == there
    assert list(there.iterdir()) == []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "file").write_text("in the way")
    assert usable(tmp_path / "file" / "cache") == tmp_path / "fkd-cache"
    (tmp_path / "fkd-cache").rmdir()
    (tmp_path / "fkd-cache").write_text("another user's")
    last = usable(tmp_path / "file" / "cache")
    assert last.is_dir()
    assert last.name.startswith("fkd-cache-")


# Leaving


def test_a_worker_leaves_for_its_memory_and_on_a_gpu_for_another_graph(spec: FitSpec) -> None:
    last, other = graph_of(spec), graph_of(replace(spec, model=Conv5.tiny()))
    assert must_leave(last, last, 0.0, 1001, 1000)
    assert must_leave(last, other, 0.5, 0, None)
    assert must_leave(last, other, 1.0, 0, 1000)


def test_a_worker_stays_where_nothing_is_gained(spec: FitSpec) -> None:
    last, other = graph_of(spec), graph_of(replace(spec, model=Conv5.tiny()))
    assert not must_leave(None, other, 0.5, 1001, 1000)  # it is fresh
    assert not must_leave(last, last, 0.5, 1000, 1000)
    assert not must_leave(last, last, 0.5, 10**12, None)
    assert not must_leave(last, other, 0.0, 0, None)  # the CPU's memory is the limit's affair
    longer = replace(spec, seed=3, training=replace(spec.training, epochs=9, learning_rate=0.1))
    assert not must_leave(last, graph_of(longer), 0.5, 0, None)


def test_memory_that_a_process_takes_is_its_own() -> None:
    gc.collect()  # nothing else shall be given back meanwhile
    before = own_memory()
    taken = np.ones(64 << 20, np.uint8)
    assert before > 1 << 20
    assert own_memory() - before > 0.9 * taken.nbytes


@pytest.fixture(scope="module")
def new_worker(
    faces: Faces, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Any]]:
    """Makes a real Ray actor; a dead one is not started again."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    cache, held = str(tmp_path_factory.mktemp("cache")), ray.put(faces)

    def make(**more: Any) -> Any:
        return ray.remote(FitWorker).options(num_cpus=1).remote(held, cache, **more)

    yield make
    ray.shutdown()


def asked(worker: Any, spec: FitSpec, **more: Any) -> Told:
    import ray

    told: Told = ray.get(worker.fit.remote(spec.to_json(), **more))
    return told


@pytest.mark.slow
def test_a_worker_whose_memory_is_above_the_limit_ends_before_the_next_fit(
    new_worker: Callable[..., Any], spec: FitSpec, faces: Faces
) -> None:
    import ray

    worker = new_worker(memory=1)
    assert paused(asked(worker, spec, looks=[2])).epoch == 2
    result = whole(asked(worker, spec))  # it does not leave a fit that it holds
    assert_equal_bits(result, fit(spec, faces))
    again = replace(spec, seed=1)
    with pytest.raises(ray.exceptions.RayActorError, match="exit_actor"):
        asked(worker, again)
    fresh = new_worker(memory=1)
    assert_equal_bits(whole(asked(fresh, again)), fit(again, faces))


@pytest.mark.slow
def test_on_a_gpu_a_worker_ends_before_a_fit_of_another_graph(
    new_worker: Callable[..., Any], spec: FitSpec
) -> None:
    import ray

    worker = new_worker(gpus=0.5)
    whole(asked(worker, spec))
    whole(asked(worker, replace(spec, seed=1)))
    with pytest.raises(ray.exceptions.RayActorError, match="exit_actor"):
        asked(worker, replace(spec, model=LeNet5.tiny()))


@pytest.mark.slow
def test_a_fit_survives_the_process_that_began_it(
    new_worker: Callable[..., Any], spec: FitSpec, faces: Faces, tmp_path: Path
) -> None:
    import ray

    worker = new_worker(checkpoints=str(tmp_path))
    first = paused(asked(worker, spec, looks=[3]))
    ray.kill(worker)
    with pytest.raises(ray.exceptions.RayActorError):
        asked(worker, spec)
    worker = new_worker(checkpoints=str(tmp_path))
    second = paused(asked(worker, spec, looks=[1, 2, 3, 4]))
    assert (first.epoch, second.epoch) == (3, 4)
    assert_equal_bits(whole(asked(worker, spec)), fit(spec, faces))
    assert list(tmp_path.iterdir()) == []
