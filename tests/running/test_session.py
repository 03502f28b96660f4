"""A real Ray session: fits whose weights are kept, and other calls on its warm workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import ray

from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.fitting.fit import fit
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.predict import predict
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5
from fkd_core.running.place import Place
from fkd_core.running.session import Session, session
from fkd_core.stopping import Stopped, stoppable


@pytest.fixture(scope="module")
def ray_session(faces: Faces, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with session(faces, Place(tmp_path_factory.mktemp("cache"))) as started:
        yield started


@pytest.fixture
def fits(faces: Faces, tmp_path: Path) -> Fits:
    return Fits(FitStore(tmp_path), faces.fingerprint)


def two_fits(backend: str) -> list[FitSpec]:
    training = Training(epochs=2, batch_size=16)
    spec = FitSpec(LeNet5.tiny(), training=training, backend=backend)  # type: ignore[arg-type]
    return [spec, replace(spec, seed=1)]


def test_weights_that_are_kept_give_the_predictions_of_the_fit(
    ray_session: Session, fits: Fits, faces: Faces, backend: str
) -> None:
    specs, ran = two_fits(backend), []
    outcomes = ray_session.run_fits(
        specs, fits, lambda spec, _: ran.append(spec), keep_weights=True
    )
    assert sorted(spec.seed for spec in ran) == [0, 1]
    for spec, outcome in zip(specs, outcomes, strict=True):
        assert isinstance(outcome, FitResult)
        weights = fits.weights(spec)
        assert weights is not None
        shown = faces.images[np.isin(faces.row, outcome.row)]
        np.testing.assert_allclose(predict(spec, weights, shown), outcome.predictions, atol=1e-3)

    # Only what is lost is done again, and only where it is asked for.
    next((fits.store.root / "weights").rglob(f"{fits.key(specs[1])}*")).unlink()
    ran.clear()
    ray_session.run_fits(specs, fits, lambda spec, _: ran.append(spec))
    assert not ran
    again = ray_session.run_fits(specs, fits, lambda spec, _: ran.append(spec), keep_weights=True)
    assert ran == [specs[1]]
    np.testing.assert_array_equal(again[1].predictions, outcomes[1].predictions)  # type: ignore[union-attr]
    assert fits.holds(specs[1], weights=True)


def test_the_same_workers_teach_other_faces_and_these_again(
    ray_session: Session, fits: Fits, faces: Faces, backend: str
) -> None:
    spec, moved = two_fits(backend)[0], replace(faces, points=faces.points + np.float32(3))
    theirs = Fits(fits.store, moved.fingerprint)
    (other,) = ray_session.teaching(moved).run_fits([spec], theirs)
    (again,) = ray_session.run_fits([spec], fits)
    for found, of in ((other, moved), (again, faces)):
        wanted = fit(spec, of)
        assert isinstance(found, FitResult)
        assert isinstance(wanted, FitResult)
        np.testing.assert_allclose(found.predictions, wanted.predictions, atol=1e-3)
        np.testing.assert_allclose(found.squared, wanted.squared, rtol=1e-3)
    assert {fits.key(spec), theirs.key(spec)} == {row["key"] for row in fits.store.rows()}


def test_calls_are_spread_over_the_workers_and_all_come_back(ray_session: Session) -> None:
    taken = []
    while len(taken) < ray_session.pool.size:  # until all have started
        if worker := ray_session.pool.take():
            taken.append(worker)
        else:
            ray_session.pool.wait([], 10)
    for worker in taken:
        ray_session.pool.give(worker)
    calls = [lambda worker, n=n: worker.call.remote(_slowly, n) for n in range(9)]
    found = dict(ray_session.spread(calls))
    assert {number: answer[0] for number, answer in found.items()} == {n: n * n for n in range(9)}
    assert len({answer[1] for answer in found.values()}) == min(9, ray_session.pool.size)


def test_a_call_begins_once_the_caller_has_what_it_comes_after(ray_session: Session) -> None:
    had: list[int] = []
    known: dict[int, set[int]] = {}

    def call(number: int) -> Callable[[Any], Any]:
        def begin(worker: Any) -> Any:
            known[number] = {*had}
            return worker.call.remote(_slowly, number)

        return begin

    for number, _ in ray_session.spread([call(n) for n in range(5)], after={0: 3, 2: 0, 1: 3}):
        had.append(number)
    assert sorted(had) == [0, 1, 2, 3, 4]
    assert 3 in known[0] & known[1] & known[2]
    assert 0 in known[2]


def test_an_error_in_a_call_reaches_the_caller(ray_session: Session) -> None:
    def wrong(worker: object) -> None:
        raise UserError("the weights vanished")

    with pytest.raises(UserError, match="vanished"):
        list(ray_session.spread([wrong]))


def _slowly(n: int) -> tuple[int, int]:
    sum(range(300_000))
    return n * n, os.getpid()


def test_a_fit_is_run_after_the_one_it_is_aligned_by_and_that_one_once(
    ray_session: Session, fits: Fits, faces: Faces, backend: str
) -> None:
    stage, other = two_fits(backend)
    chain = replace(stage, aligned_by=stage)
    ran: list[FitSpec] = []
    specs = [chain, replace(chain, seed=5), stage, other]
    outcomes = ray_session.run_fits(specs, fits, lambda spec, _: ran.append(spec))
    assert sorted(spec.name for spec in ran) == [
        "lenet5",
        "lenet5",
        "lenet5+lenet5",
        "lenet5+lenet5",
    ]
    assert {spec.name for spec in ran[:2]} == {"lenet5"}
    assert fits.holds(stage, weights=True)  # the chain needed them, and who comes next does
    assert not fits.holds(other, weights=True)
    assert not fits.lacking(specs)
    alone = fit(chain, faces)
    assert isinstance(alone, FitResult)
    assert isinstance(outcomes[0], FitResult)
    np.testing.assert_array_equal(outcomes[0].predictions, alone.predictions)


def test_a_start_that_is_interrupted_ends_whole_and_is_shut_down(
    faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def connect(place: Place) -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("connected")

    monkeypatch.setattr(Place, "connect", connect)
    monkeypatch.setattr(ray, "shutdown", lambda: done.append("shut down"))
    with pytest.raises(Stopped), stoppable(), session(faces, Place(tmp_path)):
        raise AssertionError("it was to stop")
    assert done == ["connected", "shut down"]


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "ran out of memory; free some of this machine, or make its batches smaller"),
        (0.5, "ran out of memory, also with 1 of a GPU; give trials more"),
    ],
)
def test_what_runs_out_of_memory_is_told_by_what_it_had(
    share: float, words: str, fits: Fits, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "_run", lambda self, specs, *_: [*specs])
    pool: Any = SimpleNamespace(share=share, resize=lambda share: None)
    with pytest.raises(UserError, match=words):
        Session(pool, Place(Path("cache"))).run_fits(two_fits(backend), fits)
