"""Checkpoints come back bit for bit or not at all, wherever they are kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split
from fkd_core.errors import UserError
from fkd_core.fitting import checkpoints as module
from fkd_core.fitting.checkpoints import Checkpoints
from fkd_core.fitting.fit import fit
from fkd_core.fitting.result import Checkpoint, FitResult, Stopped
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models.lenet5 import LeNet5

KEY, OTHER = "0a" * 32, "0b" * 32
NAN = float("nan")
REACHED = Checkpoint(
    epoch=2,
    state=[np.float32([[1.5, -0.0]]), np.array(7, np.int64), np.zeros((0, 3), np.uint32)],
    history=[(1e-3, 3.1, NAN, NAN), (0.1 + 0.2, 2.9, 4.0, 1 / 3)],
    best=(1 / 3, 2, [np.float32([0.1])]),
    seconds={"train": 0.1, "load": 1e-9},
)


@pytest.fixture(params=["folder", "memory", "object store"])
def url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "checkpoints")
        return
    if request.param == "object store":
        monkeypatch.setattr(module, "_OBJECT_STORES", frozenset({"memory"}))
    yield "memory://checkpoints"
    fsspec.filesystem("memory").store.clear()


def names(url: str) -> list[str]:
    """Files that are kept below the URL."""
    files, root = fsspec.url_to_fs(url)
    return sorted(path.rsplit("/", 1)[-1] for path in files.find(root))


def overwritten(url: str, key: str, content: bytes) -> None:
    files, root = fsspec.url_to_fs(url)
    files.pipe_file(f"{root}/{key}{module.ENDING}", content)


def content(url: str, key: str) -> bytes:
    files, root = fsspec.url_to_fs(url)
    read: bytes = files.cat_file(f"{root}/{key}{module.ENDING}")
    return read


def same(one: Checkpoint | None, two: Checkpoint) -> bool:
    assert one is not None
    arrays = [*zip(one.state, two.state, strict=True), *zip(one.best[2], two.best[2], strict=True)]
    for a, b in arrays:
        np.testing.assert_array_equal(a, b, strict=True)
    np.testing.assert_array_equal(one.history, two.history, strict=True)
    assert all(type(figures) is tuple for figures in one.history)
    return (one.epoch, one.best[:2], one.seconds) == (two.epoch, two.best[:2], two.seconds)


def test_a_checkpoint_comes_back_bit_for_bit_and_the_latest_one_counts(url: str) -> None:
    kept = Checkpoints(url)
    kept.put(KEY, replace(REACHED, epoch=1, history=REACHED.history[:1]))
    kept.put(KEY, REACHED)
    assert same(Checkpoints(url).get(KEY), REACHED)
    assert names(url) == [KEY + module.ENDING]


def test_before_the_first_best_epoch_the_best_is_infinite(url: str) -> None:
    begun = replace(REACHED, best=(float("inf"), 0, []))
    Checkpoints(url).put(KEY, begun)
    assert same(Checkpoints(url).get(KEY), begun)


def test_what_is_not_there_is_absent_and_discarding_it_is_harmless(url: str) -> None:
    kept = Checkpoints(url)
    assert kept.get(KEY) is None
    kept.discard(KEY)
    kept.put(KEY, REACHED)
    kept.put(OTHER, REACHED)
    kept.discard(KEY)
    assert kept.get(KEY) is None
    assert same(kept.get(OTHER), REACHED)


@pytest.mark.parametrize("harm", ["cut", "flipped", "not sealed"])
def test_a_damaged_checkpoint_is_absent_and_the_log_says_so(
    url: str, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Checkpoints(url)
    kept.put(KEY, REACHED)
    whole = content(url, KEY)
    middle = len(whole) // 2
    overwritten(
        url,
        KEY,
        {
            "cut": whole[:middle],
            "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "not sealed": b"hello",
        }[harm],
    )
    assert kept.get(KEY) is None
    assert "damaged" in caplog.text
    kept.put(KEY, REACHED)
    assert same(kept.get(KEY), REACHED)


def test_a_checkpoint_of_another_fit_or_of_other_libraries_is_absent(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Checkpoints(url)
    kept.put(KEY, REACHED)
    overwritten(url, OTHER, content(url, KEY))
    assert kept.get(OTHER) is None
    assert kept.get(KEY) is not None
    monkeypatch.setattr(module, "_versions", lambda: {"keras": "4.0"})
    assert kept.get(KEY) is None


def test_a_writer_that_dies_leaves_the_old_checkpoint_and_its_waste_goes_with_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (str(tmp_path / "checkpoints"), "memory://dying"):
        kept = Checkpoints(url)
        kept.put(KEY, REACHED)
        files, root = fsspec.url_to_fs(url)
        waste = f".{KEY}{module.ENDING}.0123456789ab.part"
        with monkeypatch.context() as patch:
            if url.startswith("memory"):
                patch.setattr(type(files), "mv", _die)
            else:
                patch.setattr(Path, "replace", _die)
            kept.put(KEY, replace(REACHED, epoch=9))
        files.pipe_file(f"{root}/{waste}", b"cut off")  # as a power cut would leave it
        assert same(kept.get(KEY), REACHED)
        kept.discard(KEY)
        assert names(url) == []


def _die(*_: Any, **__: Any) -> None:
    raise OSError("no space left on device")


def test_a_checkpoint_that_cannot_be_written_is_said_once_and_stops_nothing(
    tmp_path: Path, faces: Faces, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = Checkpoints(str(tmp_path / "file" / "checkpoints"))
    outcome = fit(
        spec_of(backend),
        faces,
        on_checkpoint=lambda reached: kept.put(KEY, reached),
        checkpoint_seconds=0.0,
    )
    assert isinstance(outcome, FitResult)
    kept.put(KEY, REACHED)
    kept.put(OTHER, REACHED)
    told = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 1
    assert "fits go on without them" in told[0].getMessage()
    assert kept.get(KEY) is None


def test_a_place_that_works_passes_the_check_and_nothing_is_left_there(url: str) -> None:
    Checkpoints(url).check()
    assert names(url) == []


@pytest.mark.parametrize("where", ["nosuch://bucket/here", "{tmp}/file/below"])
def test_a_place_that_does_not_work_is_the_users_mistake(where: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    url = where.replace("{tmp}", str(tmp_path))
    with pytest.raises(UserError, match="checkpoints cannot be kept in") as caught:
        Checkpoints(url).check()
    assert url in str(caught.value)
    assert "\n" not in str(caught.value)


def spec_of(backend: str) -> FitSpec:
    """With every part of a checkpoint: optimiser, average of weights, dropout, early stopping."""
    return FitSpec(
        replace(LeNet5.tiny(), dropout=0.3),
        split=Split("all", stop_share=0.25),
        training=Training(epochs=6, batch_size=8, ema=0.5, patience=5),
        backend=backend,  # type: ignore[arg-type]
    )


def test_a_fit_that_leaves_checkpoints_gives_the_same_bits_and_so_does_going_on_from_one(
    url: str, faces: Faces, backend: str
) -> None:
    spec, kept, epochs = spec_of(backend), Checkpoints(url), []

    def keep(reached: Checkpoint) -> None:
        epochs.append(reached.epoch)
        if not kept.get(KEY):
            kept.put(KEY, reached)

    plain = fit(spec, faces, keep_weights=True)
    watched = fit(spec, faces, keep_weights=True, on_checkpoint=keep, checkpoint_seconds=0.0)
    found = kept.get(KEY)
    assert found is not None
    assert epochs[0] == found.epoch == 1
    resumed = fit(spec, faces, resume=found, keep_weights=True)
    assert isinstance(plain, FitResult)
    for other in (watched, resumed):
        assert isinstance(other, FitResult)
        np.testing.assert_array_equal(other.predictions, plain.predictions)
        assert other.best_epoch == plain.best_epoch
        for name, values in plain.history.items():
            np.testing.assert_array_equal(other.history[name], values)
        for one, two in zip(other.weights, plain.weights, strict=True):
            np.testing.assert_array_equal(one, two)
    assert isinstance(watched, FitResult)
    assert watched.seconds["save"] > 0
    assert "save" not in plain.seconds


def test_no_checkpoint_is_made_of_a_fit_that_is_over(faces: Faces, backend: str) -> None:
    once = replace(spec_of(backend), training=Training(epochs=1, batch_size=8))
    made: list[Checkpoint] = []
    outcome = fit(once, faces, on_checkpoint=made.append, checkpoint_seconds=0.0)
    assert isinstance(outcome, FitResult)
    assert made == []
    paused = fit(
        spec_of(backend),
        faces,
        lambda epoch, _: epoch == 1,
        on_checkpoint=made.append,
        checkpoint_seconds=0.0,
    )
    assert isinstance(paused, Stopped)
    assert made == []
