"""FitStore: every fit's result in a folder, under the hash of what determines it.

One sealed file a fit in a fan-out folder (``fits/ab/abcdef....fit``), weights apart from it, and
an index that is derived from the files. Nothing here is locked: files appear whole or not at all,
equal keys hold equal results, and the index mends itself, so any number of processes may read and
write, and any of them may be killed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.files import UNFINISHED, abandoned, keep_under
from fkd_core.fitting.index import Index
from fkd_core.fitting.sealed import DamagedError, read_sealed, write_sealed

_ENDING = ".fit"
WEIGHTS = ".weights.npz"
"""Ending of a fit's weights, after its key."""
_KEY = re.compile(r"[0-9a-f]{8,128}")
_OWN_FIELDS = frozenset({"key", "created", "bytes"})
_MISSING = object()

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Stored:
    """One entry as it was put: `record` is JSON (tuples come back as lists)."""

    key: str
    record: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


class FitStore:
    """Results by key, safe with several processes, verified by checksum whenever read.

    A damaged file is set aside in ``damaged/`` and is absent from then on, so its fit is redone.
    `limit_bytes` bounds the whole store by dropping the weights used least recently; results are
    evidence and are never dropped. Keys are lower-case hexadecimal digests, else ValueError.
    With `look_only` nothing is changed by looking, and the folder need not be there.
    """

    def __init__(
        self, root: Path, limit_bytes: int | None = None, *, look_only: bool = False
    ) -> None:
        self.root = root
        self.limit_bytes = limit_bytes
        self._look_only = look_only
        self._index = Index(root / "index")
        self._spare = 0
        if look_only:
            return
        root.mkdir(parents=True, exist_ok=True)
        self._sweep()
        self._make_room()

    def put(self, key: str, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keeps a result; where an intact one is kept already, that one stays.

        ``record["summary"]``, if there, is a flat mapping of names to scalars: it is what `rows`
        returns. Raises ValueError or TypeError for a summary, record or array that cannot be kept.
        """
        summary = _checked_summary(record)
        if key in self:
            return
        created = time.time()
        path = self._path(key)
        meta = {"key": key, "created": created, "record": dict(record)}
        write_sealed(path, meta, arrays)
        with contextlib.suppress(FileNotFoundError):  # discarded meanwhile
            size = path.stat().st_size
            self._spare -= size
            self._index.add([_row(key, created, size, summary)])

    def get(self, key: str) -> Stored | None:
        """The result, or None where there is none that is intact."""
        found = self._read(self._path(key), key)
        return None if found is None else Stored(key, found[0]["record"], found[1])

    def __contains__(self, key: str) -> bool:
        """True where `get` would find it: the file is read and its checksum verified."""
        return self._read(self._path(key), key) is not None

    def discard(self, key: str) -> None:
        """Forgets a result and its weights, for instance a failure worth another try."""
        self._path(key).unlink(missing_ok=True)
        self._weights_path(key).unlink(missing_ok=True)
        self._index.forget(key)

    def rows(self, **equals: Any) -> list[dict[str, Any]]:
        """One row a result, oldest first: key, created (seconds since 1970), bytes, summary.

        Only rows in which every named field equals the value given; a row without that field
        matches nothing. Files are listed but not read, except those the index does not know yet:
        so a file that was damaged since is listed until somebody reads it.
        """
        known, lines = self._index.read()
        files = {entry.name for entry in _scan(self.root / "fits")}
        current = {key: row for key, row in known.items() if key + _ENDING in files}
        fresh = []
        for name in files - {key + _ENDING for key in current}:
            key = name.removesuffix(_ENDING)
            if key != name and _KEY.fullmatch(key) and (row := self._row_from_file(key)):
                fresh.append(row)
        rows = sorted([*current.values(), *fresh], key=itemgetter("created", "key"))
        if not self._look_only:
            with contextlib.suppress(OSError):  # a store that may only be read lists as well
                self._index.add(fresh)
                self._index.gather(lines + len(fresh), rows)
        for name, value in equals.items():
            rows = [row for row in rows if row.get(name, _MISSING) == value]
        return rows

    def put_weights(self, key: str, weights: Mapping[str, NDArray[Any]]) -> None:
        """Keeps a fit's weights, then drops the least recently used beyond `limit_bytes`."""
        path = self._weights_path(key)
        write_sealed(path, {"key": key}, weights)
        with contextlib.suppress(FileNotFoundError):  # dropped meanwhile
            self._spare -= path.stat().st_size
        if self._spare < 0:
            self._make_room()

    def has_weights(self, key: str) -> bool:
        """Whether the weights are there; they are not read, so they may yet prove damaged."""
        return self._weights_path(key).exists()

    def get_weights(self, key: str) -> dict[str, NDArray[Any]] | None:
        """The weights, or None where they were never kept, were dropped, or are damaged."""
        path = self._weights_path(key)
        found = self._read(path, key)
        if found is None:
            return None
        with contextlib.suppress(FileNotFoundError):  # dropped meanwhile
            os.utime(path)  # used just now
        return found[1]

    def _path(self, key: str) -> Path:
        return self._place("fits", key, _ENDING)

    def _weights_path(self, key: str) -> Path:
        return self._place("weights", key, WEIGHTS)

    def _place(self, kind: str, key: str, ending: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not a key: wanted 8 to 128 lower-case hex digits")
        return self.root / kind / key[:2] / (key + ending)

    def _read(self, path: Path, key: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
        try:
            meta, arrays = read_sealed(path)
            if not isinstance(meta, dict) or meta.get("key") != key:
                raise DamagedError(f"{path} holds the entry of another key")
        except FileNotFoundError:
            return None
        except DamagedError as damage:
            if self._look_only:
                return None
            log.warning("%s; it is set aside and counts as absent", damage)
            aside = self.root / "damaged"
            aside.mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                path.replace(aside / path.name)
            return None
        return meta, arrays

    def _row_from_file(self, key: str) -> dict[str, Any] | None:
        path = self._path(key)
        found = self._read(path, key)
        if found is None:
            return None
        summary = _checked_summary(found[0]["record"])
        with contextlib.suppress(FileNotFoundError):  # discarded meanwhile
            return _row(key, found[0]["created"], path.stat().st_size, summary)
        return None

    def _make_room(self) -> None:
        """Drops weights beyond the limit. All files are looked at, a tenth of a second for 5,000
        fits, so not again before what is written here since could have filled what was spare, or
        a hundredth of the limit, for others may write too."""
        if self.limit_bytes is not None:
            results, weights = _bytes(self.root / "fits"), _bytes(self.root / "weights")
            self._spare = self.limit_bytes - results - weights
            if self._spare < 0:
                room = max(0, self.limit_bytes - results)
                keep_under(self.root / "weights", room, f"*{WEIGHTS}")
            self._spare = min(max(0, self._spare), self.limit_bytes // 100)

    def _sweep(self) -> None:
        """Deletes what killed writers left unfinished long ago."""
        for kind in ("fits", "weights"):
            for entry in _scan(self.root / kind):
                if entry.name.endswith(UNFINISHED):
                    with contextlib.suppress(FileNotFoundError):
                        if abandoned(path := Path(entry.path), entry.stat().st_mtime):
                            path.unlink()


def _scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The files of a fan-out folder; a folder that is not there is empty."""
    with contextlib.suppress(FileNotFoundError):
        for fan in os.scandir(folder):
            if fan.is_dir():
                yield from os.scandir(fan.path)


def _bytes(folder: Path) -> int:
    """Of all files of a fan-out folder."""
    size = 0
    for entry in _scan(folder):
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            size += entry.stat().st_size
    return size


def _row(key: str, created: float, size: int, summary: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": key, "created": created, "bytes": size, **summary}


def _checked_summary(record: Mapping[str, Any]) -> dict[str, Any]:
    summary = record.get("summary", {})
    if not isinstance(summary, Mapping):
        raise TypeError("record['summary'] must be a mapping of names to scalars")
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in summary.items()}
    for name, value in plain.items():
        if name in _OWN_FIELDS:
            raise ValueError(f"summary field {name!r} is the store's own: choose another name")
        if not isinstance(value, str | int | float | None):
            raise TypeError(f"summary field {name!r} must be a scalar, not {value!r}")
    return plain
