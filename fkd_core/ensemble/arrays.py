"""Named arrays in ``.npz`` files, which cannot hold code: known by their SHA-256, or plain."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.errors import UserError
from fkd_core.files import digest_of, whole_file

REMEDY = "build the ensemble again with experiments/build_ensemble.py"


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> str:
    """The SHA-256 (hex) of the file, which is written unless it is there already and equal.

    Raises ValueError for arrays of objects.
    """
    named: dict[str, Any] = dict(arrays)
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **named)
    digest = hashlib.sha256(content.getbuffer()).hexdigest()
    if not path.is_file() or digest_of(path) != digest:
        with whole_file(path) as aside:
            aside.write_bytes(content.getbuffer())
    return digest


def read_arrays(path: Path, digest: str) -> dict[str, NDArray[Any]]:
    """What `write_arrays` wrote. Raises UserError where that is not in the file."""
    try:
        if digest_of(path) != digest:
            raise UserError(f"{path} is damaged: its checksum is another; {REMEDY}")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; {REMEDY}") from error
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} does not hold plain arrays ({error}); {REMEDY}") from error


def write_plain(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keeps these, compressed. Raises ValueError for arrays of objects."""
    named: dict[str, Any] = dict(arrays)
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **named)
    with whole_file(path) as aside:
        aside.write_bytes(content.getbuffer())


def read_plain(path: Path) -> dict[str, NDArray[Any]]:
    """What `write_plain` wrote; empty where there is no such file, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile):
        return {}
