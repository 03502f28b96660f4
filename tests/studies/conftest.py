"""What these tests share: the simulation beside them, and a real PostgreSQL server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from surroundings import Postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A real PostgreSQL server of our own."""
    try:
        server = Postgres()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    with closing(server):
        yield server


@pytest.fixture
def postgres(server: Postgres) -> str:
    """The URL of an empty database on it."""
    return server.database()
