"""The process a fit runs in: backend, threads and share of a GPU, fixed before Keras is imported.

What is said of GPUs follows the documentation of TensorFlow, JAX and CUDA and was tested against
stand-ins; it has not run on a GPU yet.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from fkd_core.fitting.spec import FitSpec

USABLE = 0.9
"""Of its share of a GPU's memory, what a process fills with arrays; the rest is CUDA's own."""

_share = 0.0

log = logging.getLogger(__name__)


def prepare(backend: str, threads: int, gpus: float = 0.0) -> None:
    """Fixes the Keras backend and the thread count of this process; repeating it is harmless.

    Where `gpus` is a fraction, the backend keeps within that share of the memory of the first
    visible GPU; a whole GPU is not limited. Raises RuntimeError where Keras already runs
    otherwise: one process has one backend.
    """
    wanted = {
        "KERAS_BACKEND": backend,
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": str(threads),
    }
    if "keras" in sys.modules:
        wrong = [f"{k}={os.environ.get(k)}" for k, v in wanted.items() if os.environ.get(k) != v]
        if wrong:
            raise RuntimeError(
                f"Keras already runs in this process with {', '.join(wrong)}; a fit wants "
                f"{backend} on {threads} threads: use another process"
            )
        return
    os.environ.update(wanted)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
    # TensorFlow leaves oneDNN out on CPUs without AVX-512, where it trains twice as fast too. Its
    # bits are others, so it is no matter of the environment.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if threads == 1 and backend == "jax":
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    if 0 < gpus < 1:
        (_limit_jax if backend == "jax" else _limit_tensorflow)(gpus)


def share_gpu(gpus: float) -> None:
    """Says, before the first fit, which share of a GPU this process has: see ``prepare``."""
    global _share
    _share = gpus


def prepare_for(spec: FitSpec) -> None:
    """``prepare`` with what the spec asks for and what ``share_gpu`` said."""
    prepare(spec.backend, spec.threads, _share)


def _limit_jax(share: float) -> None:
    os.environ.pop("XLA_PYTHON_CLIENT_MEM_FRACTION", None)  # the old name; JAX refuses both
    os.environ["XLA_CLIENT_MEM_FRACTION"] = f"{share * USABLE:.4f}"


def _limit_tensorflow(share: float) -> None:
    total = gpu_total_bytes()
    if total is None:
        log.warning("the GPU's memory is not known (no nvidia-smi?): its share is not enforced")
        return
    import tensorflow as tf

    # Growth alone takes all that a fit ever asks for, whoever else is on the GPU.
    limit = tf.config.LogicalDeviceConfiguration(int(total * share * USABLE) >> 20)
    for device in tf.config.list_physical_devices("GPU")[:1]:
        tf.config.set_logical_device_configuration(device, [limit])


def gpu_total_bytes() -> int | None:
    """Memory of the first GPU that this process may see; None where there is none or the driver's
    ``nvidia-smi`` does not say."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if visible in ("", "-1", "NoDevFiles"):
        return None
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(
            [*query, f"--id={visible}"], capture_output=True, text=True, check=True, timeout=60
        )
        return int(said.stdout.split()[0]) << 20  # it counts in MiB
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def peak_gpu_bytes() -> int:
    """Most memory that this process's arrays took on its GPU: since ``forget_gpu_peak`` under
    TensorFlow, ever under JAX; 0 where it computes on CPUs."""
    if _is_jax():
        import jax

        stats = jax.local_devices()[0].memory_stats() or {}
        return int(stats.get("peak_bytes_in_use", 0))
    tf = _tensorflow_on_gpu()
    return 0 if tf is None else int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def forget_gpu_peak() -> None:
    """Lets ``peak_gpu_bytes`` count anew; JAX cannot."""
    tf = _tensorflow_on_gpu()
    if tf is not None:
        tf.config.experimental.reset_memory_stats("GPU:0")


def _is_jax() -> bool:
    return os.environ.get("KERAS_BACKEND") == "jax"


def _tensorflow_on_gpu() -> Any:
    """The module, where this process computes with it on a GPU."""
    if _is_jax():
        return None
    import tensorflow as tf

    return tf if tf.config.list_logical_devices("GPU") else None


_EXHAUSTED = (
    "RESOURCEEXHAUSTED",  # TensorFlow's class
    "RESOURCE_EXHAUSTED",  # XLA's status
    "OUT_OF_MEMORY",  # CUDA's
    "_STATUS_ALLOC_FAILED",  # cuDNN's and cuBLAS's
    "DST TENSOR IS NOT INITIALIZED",  # TensorFlow's, when it copies to a full GPU
)
"""What errors of exhausted memory say, in capitals."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory, of the machine or of its GPU, did not suffice."""
    said = f"{type(error).__name__} {error!r}".upper()
    return isinstance(error, MemoryError) or any(words in said for words in _EXHAUSTED)


def versions() -> dict[str, str]:
    """Versions of what made a result."""
    import keras
    import numpy as np

    backend = sys.modules[keras.backend.backend()]
    return {
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "keras": keras.__version__,
        keras.backend.backend(): backend.__version__,
    }


def import_silently(module: str = "keras") -> None:
    """Imports Keras and its backend, or TensorFlow, which brings Keras too, without what native
    code writes to standard error on its way up; exceptions pass. A process that is not prepared
    is, for one thread and the backend of its environment."""
    if "keras" not in sys.modules and "TF_NUM_INTEROP_THREADS" not in os.environ:
        backend, threads = os.environ.get("KERAS_BACKEND"), os.environ.get("OMP_NUM_THREADS")
        prepare(backend or "tensorflow", int(threads or 1))
    with silence():
        importlib.import_module(module)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Drops what native code writes to standard error in this block, past every setting."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
