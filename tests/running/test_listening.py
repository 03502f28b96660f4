"""What a run on this machine opens to the network: nothing."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fkd_core.data.faces import Faces
from fkd_core.running.place import Place
from fkd_core.running.session import session

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")

LISTENING = "0A"
LOOPBACK = {
    "0100007F",  # 127.0.0.1
    "0000000000000000FFFF00000100007F",  # the same, mapped into IPv6
    "00000000000000000000000001000000",  # ::1
}


def _started_by(parent: int) -> Iterator[int]:
    """Processes below this one, and it itself."""
    yield parent
    for task in Path(f"/proc/{parent}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                yield from _started_by(int(child))


def _addresses(processes: set[int]) -> set[str]:
    """Addresses that these processes listen on, as the kernel writes them."""
    sockets = set()
    for process in processes:
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                with contextlib.suppress(OSError):
                    sockets.add(str(descriptor.readlink()))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1].partition(":")[0])
    return found


def test_a_run_on_this_machine_listens_on_loopback_alone(faces: Faces, tmp_path: Path) -> None:
    with session(faces, Place(tmp_path)) as started:
        assert started.map([os.getpid])
        addresses = _addresses(set(_started_by(os.getpid())))
    assert addresses
    assert addresses <= LOOPBACK
