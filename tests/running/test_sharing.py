"""Shares of a GPU: their arithmetic, how a process keeps within its own, and what fits tell.

There may be no GPU where these run: the driver's program and TensorFlow's devices are stand-ins.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split
from fkd_core.fitting import fit as fit_module
from fkd_core.fitting import runtime
from fkd_core.fitting.fit import fit
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import Failed, FitResult, from_record, to_record
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5
from fkd_core.running.sharing import CONTEXT, MOST, doubled, share_for

REPOSITORY = Path(__file__).parents[2]
GIB = 1 << 30


# Arithmetic


@pytest.mark.parametrize(
    ("peak", "total", "together"),
    [
        (GIB // 10, 80 * GIB, 8),  # more would fit
        (2 * GIB, 24 * GIB, 7),
        (5 * GIB, 24 * GIB, 3),
        (10 * GIB, 24 * GIB, 1),
        (100 * GIB, 24 * GIB, 1),  # it will fail, and say so
    ],
)
def test_as_many_fits_share_a_gpu_as_have_room(peak: int, total: int, together: int) -> None:
    assert share_for(peak, total) == 1 / together


@given(st.integers(1, 200 * GIB), st.integers(GIB, 200 * GIB))
def test_fits_side_by_side_never_need_more_than_there_is_and_one_more_would(
    peak: int, total: int
) -> None:
    together = round(1 / share_for(peak, total))
    assert 1 <= together <= MOST
    each = peak * 1.25 + CONTEXT
    assert together == 1 or together * each <= 0.95 * total
    assert together == MOST or (together + 1) * each > 0.95 * total


def test_a_peak_that_was_not_measured_gives_no_share() -> None:
    for peak, total in ((0, GIB), (GIB, 0)):
        with pytest.raises(ValueError, match="says nothing"):
            share_for(peak, total)


def test_a_fit_that_ran_out_of_memory_gets_more_up_to_a_whole_gpu() -> None:
    assert [doubled(share) for share in (0.125, 0.25, 0.5, 0.75)] == [0.25, 0.5, 1.0, 1.0]
    assert [doubled(share) for share in (0.0, 1.0, 2.0)] == [None, None, None]


# Limits


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for nvidia-smi that knows GPU 3 alone; the file that it writes its options to."""
    program, asked = tmp_path / "nvidia-smi", tmp_path / "asked"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {asked}\n'
        'case "$*" in *--id=3*) echo 24576;; *) echo "No devices were found"; exit 6;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    return asked


@pytest.fixture
def before_keras(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if Keras were not imported yet."""
    pytest.importorskip("tensorflow")  # it imports Keras
    before = dict(os.environ)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    yield
    os.environ.clear()
    os.environ.update(before)


def test_the_driver_says_the_memory_of_the_visible_gpu(
    driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runtime.gpu_total_bytes() == 24 * GIB
    assert "--query-gpu=memory.total" in driver.read_text()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,0")
    assert runtime.gpu_total_bytes() == 24 * GIB
    for unknown in ("0", "MIG-1", "", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", unknown)
        assert runtime.gpu_total_bytes() is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("PATH", "")
    assert runtime.gpu_total_bytes() is None


@pytest.mark.usefixtures("driver", "before_keras")
@pytest.mark.parametrize(
    ("gpus", "limits"), [(0.25, [5529]), (0.5, [11059]), (1.0, []), (2.0, []), (0.0, [])]
)
def test_tensorflow_is_limited_to_its_share_of_the_first_gpu(
    gpus: float, limits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    told: list[tuple[str, float]] = []

    def configure(device: str, parts: list[Any]) -> None:
        told.extend((device, part.memory_limit) for part in parts)

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind} 0", "other"])
    monkeypatch.setattr(tf.config, "set_logical_device_configuration", configure)
    runtime.prepare("tensorflow", 1, gpus)
    assert told == [("GPU 0", limit) for limit in limits]  # MiB: 24576 x share x 0.9


@pytest.mark.usefixtures("driver", "before_keras")
def test_where_the_memory_is_not_known_no_limit_is_set_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    runtime.prepare("tensorflow", 1, 0.25)
    assert "share is not enforced" in caplog.text


@pytest.mark.parametrize(("gpus", "fraction"), [(0.25, "0.2250"), (1.0, "kept"), (0.0, "kept")])
def test_jax_is_limited_to_its_share(gpus: float, fraction: str) -> None:
    program = (
        "import os, sys\n"
        "from fkd_core.fitting import runtime\n"
        f"runtime.prepare('jax', 1, {gpus})\n"
        "names = 'XLA_CLIENT_MEM_FRACTION', 'XLA_PYTHON_CLIENT_MEM_FRACTION'\n"
        "print(*(os.environ.get(name) for name in names), 'jax' in sys.modules)\n"
        "print(os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env=os.environ | {"XLA_PYTHON_CLIENT_MEM_FRACTION": "kept"},
        capture_output=True,
        text=True,
        check=True,
    )
    # JAX refuses to start where both names are set.
    expected = "None kept False" if fraction == "kept" else f"{fraction} None False"
    assert ended.stdout.split("\n")[:2] == [expected, "false"]


def test_a_fit_prepares_its_process_with_the_share_that_was_said(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(runtime, "_share", 0.0)
    monkeypatch.setattr(runtime, "prepare", lambda *arguments: told.append(arguments))
    runtime.prepare_for(spec_of(backend))
    runtime.share_gpu(0.25)
    runtime.prepare_for(spec_of(backend))
    assert told == [(backend, 1, 0.0), (backend, 1, 0.25)]


# What fits tell


def spec_of(backend: str) -> FitSpec:
    training = Training(epochs=1, batch_size=8)
    return FitSpec(LeNet5.tiny(), split=Split("all"), training=training, backend=backend)  # type: ignore[arg-type]


def test_the_peak_of_a_gpu_is_read_from_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    tf = pytest.importorskip("tensorflow")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    forgotten: list[str] = []
    assert runtime.peak_gpu_bytes() == 0
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    monkeypatch.setattr(
        tf.config.experimental, "get_memory_info", lambda device: {"current": 1, "peak": 3 * GIB}
    )
    monkeypatch.setattr(tf.config.experimental, "reset_memory_stats", forgotten.append)
    assert runtime.peak_gpu_bytes() == 3 * GIB
    runtime.forget_gpu_peak()
    assert forgotten == ["GPU:0"]

    monkeypatch.setenv("KERAS_BACKEND", "jax")
    stats: dict[str, int] | None = {"bytes_in_use": 1, "peak_bytes_in_use": 2 * GIB}
    for answer, peak in ((stats, 2 * GIB), (None, 0)):  # None is what JAX says on CPUs
        device = SimpleNamespace(memory_stats=lambda answer=answer: answer)
        monkeypatch.setitem(
            sys.modules, "jax", SimpleNamespace(local_devices=lambda device=device: [device])
        )
        assert runtime.peak_gpu_bytes() == peak
        runtime.forget_gpu_peak()
    assert forgotten == ["GPU:0"]


def test_the_peak_of_a_fit_is_listed_with_its_figures(
    faces: Faces, backend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = spec_of(backend)
    on_cpu = fit(spec, faces)
    assert isinstance(on_cpu, FitResult)
    monkeypatch.setattr(runtime, "peak_gpu_bytes", lambda: 3 * GIB)
    on_gpu = fit(spec, faces)
    assert isinstance(on_gpu, FitResult)
    assert (on_cpu.gpu_bytes, on_gpu.gpu_bytes) == (0, 3 * GIB)
    fits = Fits(FitStore(tmp_path), faces.fingerprint)
    fits.keep(spec, on_gpu)
    assert [row["gpu_bytes"] for row in fits.store.rows()] == [3 * GIB]
    again = fits.get(spec)
    assert isinstance(again, FitResult)
    assert again.gpu_bytes == 3 * GIB

    record, arrays = to_record(spec, on_gpu)
    del record["summary"]["gpu_bytes"]  # as records were before there was this figure
    older = from_record(record, arrays)
    assert isinstance(older, FitResult)
    assert older.gpu_bytes == 0


class InternalError(Exception):
    """Named as TensorFlow's own."""


@pytest.mark.parametrize(
    ("error", "out_of_memory"),
    [
        (MemoryError("9 GB"), True),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"), True),
        (InternalError("Dst tensor is not initialized."), True),
        (InternalError("failed to allocate 2G: CUDA_ERROR_OUT_OF_MEMORY"), True),
        (ValueError("negative dimension"), False),
    ],
)
def test_exhausted_memory_is_known_from_other_failures_without_reading(
    error: Exception,
    out_of_memory: bool,
    faces: Faces,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raising(*_: Any) -> None:
        raise error

    spec = spec_of(backend)
    monkeypatch.setattr(fit_module, "stepper", raising)
    outcome = fit(spec, faces)
    assert isinstance(outcome, Failed)
    assert outcome.out_of_memory is out_of_memory
    record, arrays = to_record(spec, outcome)
    assert from_record(record, arrays) == outcome
    del record["summary"]["out_of_memory"]
    assert from_record(record, arrays) == Failed(outcome.reason)
