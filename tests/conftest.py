"""What tests of several rooms share: the order of files, how hypothesis draws, tiny faces, a whole
search, and the backend this process runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # makes faces_for_tests importable
sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))  # and what its pages share

from faces_for_tests import tiny_faces
from short_runs import SHORT_BUILD, SHORT_SEARCH, start

from fkd_core.data.faces import Faces
from fkd_core.fitting.runtime import prepare

ROOT = Path(__file__).parents[1]
BACKEND = os.environ.get("FKD_TEST_BACKEND", "tensorflow")
"""A process has one Keras backend; ``FKD_TEST_BACKEND=jax pytest ...`` tests the other."""

LONGEST = (
    "test_kill.py",
    "studies/test_survival.py",
    "studies/test_faults.py",
    "fitting/test_fit.py",
    "test_cluster.py",
    "test_build_ensemble.py",
    "models/test_conformance.py",
    "running/test_pool.py",
    "running/test_worker.py",
    "ensemble/test_export.py",
    "test_extending.py",
    "test_benchmarks.py",
)
"""Files that take minutes, most first: dealt to two processes, none is left for the end."""

# Ray's processes take longer to start on a busy machine than Ray itself would wait.
os.environ.setdefault("RAY_worker_register_timeout_seconds", "600")
os.environ.setdefault("RAY_agent_register_timeout_ms", "600000")
os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "600")
# Workers are not killed for the memory that others take of this machine.
os.environ.setdefault("RAY_memory_monitor_refresh_ms", "0")

prepare(BACKEND, 1)
# The same draws every time; how long one takes is up to the machine.
settings.register_profile(
    "tests", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first."""
    here = Path(__file__).parent
    ranks = {here / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(scope="session")
def faces() -> Faces:
    """56 faces, see ``faces_for_tests.tiny_faces``."""
    return tiny_faces()


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a whole ``SHORT_SEARCH`` which nothing disturbed, for all test processes; not
    to be changed."""
    return _undisturbed(tmp_path_factory, "searched", SHORT_SEARCH)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a ``SHORT_BUILD``; what it said is in ``said.txt``."""
    return _undisturbed(tmp_path_factory, "built", SHORT_BUILD)


def _undisturbed(factory: pytest.TempPathFactory, name: str, command: tuple[str, ...]) -> Path:
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    results = folder / name
    with FileLock(folder / f"{name}.lock"):
        if not results.exists():
            begun = folder / f"not yet {name}"
            process = start(command, begun)
            said, errors = process.communicate()
            assert process.returncode == 0, said + errors
            (begun / "said.txt").write_text(said)
            begun.rename(results)
    return results


@pytest.fixture(scope="session")
def backend() -> str:
    """Keras backend of this test process."""
    return BACKEND
