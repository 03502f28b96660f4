"""The process a fit runs in: backend and threads are fixed before Keras is first imported."""

from __future__ import annotations

import os
import sys

from fkd_core.fitting.spec import FitSpec


def prepare(backend: str, threads: int) -> None:
    """Fixes the Keras backend and the thread count of this process; repeating it is harmless.

    Raises RuntimeError where Keras already runs otherwise: one process has one backend.
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
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if threads == 1 and backend == "jax":
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()


def prepare_for(spec: FitSpec) -> None:
    """``prepare`` with what the spec asks for."""
    prepare(spec.backend, spec.threads)


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
