"""Named arrays in a folder that appears whole or not at all, and is noticed when damaged."""

from __future__ import annotations

import json
import secrets
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.errors import UserError
from fkd_core.files import UNFINISHED

MAPPED = 1 << 20
"""Arrays of at least this many bytes are memory-mapped when read."""

_FACTS = "facts.json"


def save(entry: Path, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
    """Writes arrays and JSON facts as the folder `entry`; replaces a damaged one.

    Nothing is forced to disk: a loss by power failure is noticed by `load`, and redone. Raises
    UserError where the entry cannot be written.
    """
    try:
        _save(entry, arrays, facts)
    except OSError as error:
        raise UserError(f"the cache {entry.parent} can't be written: {error}") from error


def _save(entry: Path, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    aside = entry.with_name(f".{entry.name}.{secrets.token_hex(6)}{UNFINISHED}")
    try:
        aside.mkdir()
        sums = {}
        for name, array in arrays.items():
            array = np.ascontiguousarray(array)
            np.save(aside / f"{name}.npy", array, allow_pickle=False)
            sums[name] = [array.dtype.str, list(array.shape), _sum(array)]
        body = json.dumps({"arrays": sums, "facts": facts})
        (aside / _FACTS).write_text(f"{zlib.crc32(body.encode())}\n{body}", encoding="utf-8")
        if load(entry) is None:
            shutil.rmtree(entry, ignore_errors=True)
            try:
                aside.rename(entry)
            except OSError:
                if load(entry) is None:  # else another process was faster, which is as good
                    raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def load(entry: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Arrays (read-only, large ones memory-mapped) and facts; None if missing or damaged."""
    try:
        check, _, body = (entry / _FACTS).read_text(encoding="utf-8").partition("\n")
        if int(check) != zlib.crc32(body.encode()):
            return None
        written = json.loads(body)
        arrays = {}
        for name, (dtype, shape, checksum) in written["arrays"].items():
            path = entry / f"{name}.npy"
            large = path.stat().st_size >= MAPPED
            array = np.load(path, mmap_mode="r" if large else None, allow_pickle=False)
            if array.dtype.str != dtype or list(array.shape) != shape or _sum(array) != checksum:
                return None
            array.flags.writeable = False
            arrays[name] = array
    except (OSError, ValueError, EOFError, KeyError, TypeError):
        return None
    return arrays, written["facts"]


def _sum(array: NDArray[Any]) -> int:
    return zlib.crc32(array.reshape(-1).view(np.uint8).data) if array.size else 0
