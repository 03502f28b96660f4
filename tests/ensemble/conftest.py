"""Makes the modules beside these tests importable, and trains one small ensemble for all."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from built_ensemble import Built, build

from fkd_core.data.faces import Faces


@pytest.fixture(scope="session")
def built(faces: Faces, backend: str, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """See ``built_ensemble.build``."""
    return build(faces, backend, tmp_path_factory.mktemp("built"))
