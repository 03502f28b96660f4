"""What these tests share: the simulation beside them, and a real PostgreSQL server."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server of our own."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    folder = Path(tmp_path_factory.mktemp("pg"))
    as_user = {"user": "postgres"} if os.getuid() == 0 else {}
    if as_user:  # the server refuses root
        for part in (folder, *folder.parents[:3]):
            with contextlib.suppress(PermissionError):
                part.chmod(0o755)
        folder.chmod(0o777)
    data = folder / "data"
    bin_ = binaries[-1].parent
    subprocess.run(
        [bin_ / "initdb", "-D", data, "-A", "trust", "-U", "fkd"],
        check=True,
        capture_output=True,
        **as_user,
    )
    server = [bin_ / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    listen = f"-c listen_addresses='' -c unix_socket_directories={folder}"
    subprocess.run([*server, "-o", listen, "start"], check=True, capture_output=True, **as_user)
    yield f"postgresql+psycopg://fkd@/postgres?host={folder}"
    subprocess.run(
        [*server, "-m", "immediate", "stop"], check=False, capture_output=True, **as_user
    )
