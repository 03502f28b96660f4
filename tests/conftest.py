"""What tests of several rooms share: tiny faces, and the backend this process runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # makes faces_for_tests importable

from faces_for_tests import tiny_faces

from fkd_core.data.faces import Faces
from fkd_core.fitting.runtime import prepare

BACKEND = os.environ.get("FKD_TEST_BACKEND", "tensorflow")
"""A process has one Keras backend; ``FKD_TEST_BACKEND=jax pytest ...`` tests the other."""

prepare(BACKEND, 1)


@pytest.fixture(scope="session")
def faces() -> Faces:
    """56 faces, see ``faces_for_tests.tiny_faces``."""
    return tiny_faces()


@pytest.fixture(scope="session")
def backend() -> str:
    """Keras backend of this test process."""
    return BACKEND
