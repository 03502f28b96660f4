"""What tests of several rooms share: the order of files, how hypothesis draws, tiny faces, the
demo's faces, whole runs, and the backend this process runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # makes faces_for_tests importable
sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))  # and what its pages share

from faces_for_tests import tiny_faces
from short_runs import SHORT_BUILD, SHORT_SEARCH, knowing, start

from fkd_core.data.demo import demo_folder
from fkd_core.data.faces import Faces
from fkd_core.data.kaggle import load_competition
from fkd_core.fitting.runtime import prepare

ROOT = Path(__file__).parents[1]
BACKEND = os.environ.get("FKD_TEST_BACKEND", "tensorflow")
"""A process has one Keras backend; ``FKD_TEST_BACKEND=jax pytest ...`` tests the other."""

LONGEST = (
    "test_kill.py",
    "studies/test_faults.py",
    "studies/test_survival.py",
    "test_benchmarks.py",
    "test_build_ensemble.py",
    "test_examples.py",
    "fitting/test_fit.py",
    "test_cluster.py",
    "models/test_conformance.py",
    "test_readme.py",
    "test_audit_labels.py",
    "running/test_pool.py",
    "running/test_worker.py",
    "ensemble/test_export.py",
    "test_extending.py",
    "test_command.py",
)
"""Files that take minutes, most first: dealt to few processes, none is left for the end."""

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
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder in whose cache the demo's faces are drawn and read, for all test processes;
    see ``short_runs.knowing``."""

    def draw(results: Path) -> None:
        folder = demo_folder(results / "cache" / "demo")
        load_competition(folder, results / "cache" / "faces")

    return _once(tmp_path_factory, "drawn", draw)


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    """The results of a whole ``SHORT_SEARCH`` which nothing disturbed, for all test processes; not
    to be changed."""
    return _undisturbed(tmp_path_factory, "searched", SHORT_SEARCH, drawn)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    """The same of a ``SHORT_BUILD``; what it said is in ``said.txt``."""
    return _undisturbed(tmp_path_factory, "built", SHORT_BUILD, drawn)


def _undisturbed(
    factory: pytest.TempPathFactory, name: str, command: tuple[str, ...], drawn: Path
) -> Path:
    def do(results: Path) -> None:
        process = start(command, knowing(drawn, results))
        said, errors = process.communicate()
        assert process.returncode == 0, said + errors
        (results / "said.txt").write_text(said)

    return _once(factory, name, do)


def _once(factory: pytest.TempPathFactory, name: str, do: Callable[[Path], None]) -> Path:
    """The folder that `do` filled, in whichever test process came first."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    results = folder / name
    with FileLock(folder / f"{name}.lock"):
        if not results.exists():
            begun = folder / f"not yet {name}"
            do(begun)
            begun.rename(results)
    return results


@pytest.fixture(scope="session")
def backend() -> str:
    """Keras backend of this test process."""
    return BACKEND
