"""Sealed files: named arrays and one JSON value in a file that knows when it is damaged.

The first line is the SHA-256 (hex) of all that follows; what follows is an uncompressed
``.npz`` without pickle. So any flipped, missing or added byte is noticed before anything is read.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.files import whole_file

_DIGEST = 64  # hex digits of a SHA-256
_META = "meta"
_ARRAY = "array/"  # before each name, so that no name can clash with _META or savez's own


class DamagedError(Exception):
    """The file's bytes are not those that were written. The message says which file."""


def write_sealed(path: Path, meta: Any, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes a JSON value and named arrays, whole or not at all.

    NumPy scalars in `meta` become plain numbers and tuples become lists. Raises TypeError for
    what JSON does not know, ValueError for arrays of objects (they would need pickle).
    """
    text = json.dumps(meta, default=_plain).encode()
    members: dict[str, Any] = {_META: np.frombuffer(text, np.uint8)}
    members |= {_ARRAY + name: np.asarray(array) for name, array in arrays.items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **members)
    payload = buffer.getbuffer()
    with whole_file(path) as aside, open(aside, "wb") as file:
        file.write(hashlib.sha256(payload).hexdigest().encode() + b"\n")
        file.write(payload)


def read_sealed(path: Path) -> tuple[Any, dict[str, NDArray[Any]]]:
    """The JSON value and the arrays. Raises FileNotFoundError, or DamagedError."""
    content = memoryview(path.read_bytes())
    seal, payload = bytes(content[: _DIGEST + 1]), content[_DIGEST + 1 :]
    if seal != hashlib.sha256(payload).hexdigest().encode() + b"\n":
        raise DamagedError(f"{path} is damaged: its checksum does not match")
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as members:
            meta = json.loads(members[_META].tobytes())
            arrays = {
                name.removeprefix(_ARRAY): members[name] for name in members.files if name != _META
            }
    except (ValueError, KeyError, zipfile.BadZipFile) as wrong:  # sealed by something else
        raise DamagedError(f"{path} is not a sealed file: {wrong}") from wrong
    return meta, arrays


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON: {value!r}")
