"""What was made from one of the competition's files, kept under a hash of that file's bytes.

A small index remembers each file's size and times, so that an unchanged one isn't hashed again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fkd_core.data import array_cache
from fkd_core.data.archive import Stored, sha256_of
from fkd_core.errors import UserError
from fkd_core.files import read_json, write_text
from fkd_core.reach import CODE

_INDEX = "index.json"
_SETTLED_NS = 2_000_000_000
"""A file changed this recently may change again within its time stamp's grain: hash it."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """What is kept of a file."""

    arrays: Mapping[str, NDArray[Any]]
    notes: tuple[str, ...]


def cached(
    stored: Stored,
    cache: Path,
    make: Callable[[Stored], Arrays],
    more: str = "",
    *,
    look_only: bool = False,
) -> Arrays:
    """`make(stored)`, or what an earlier call with equal bytes, code and `more` left in `cache`;
    with `look_only` nothing is left there.

    Raises UserError where the cache can't be written or the file changes meanwhile.
    """
    before = _stamp(stored.container)
    content = _content(stored.container, before, cache, look_only)
    key = "\n".join((content, *stored.members, stored.role, _code(), more))
    entry = (
        cache
        / f"{stored.role.removesuffix('.csv')}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    )
    loaded = array_cache.load(entry)
    if loaded is None:
        made = make(stored)
        if _stamp(stored.container) != before:
            raise UserError(f"{stored.container} changed while it was read; try again")
        if look_only:
            return made
        array_cache.save(entry, made.arrays, {"notes": made.notes})
        loaded = array_cache.load(entry)
        if loaded is None:
            raise UserError(f"the cache {cache} does not keep what is written; is the disk well?")
    arrays, facts = loaded
    return Arrays(arrays, tuple(facts["notes"]))


def _stamp(path: Path) -> list[int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _content(path: Path, stamp: list[int], cache: Path, look_only: bool) -> str:
    """SHA-256 of a file, from the index if its stamp is there."""
    name = str(path.resolve())
    index = _read_index(cache / _INDEX)
    if name in index and index[name][:-1] == stamp:
        return str(index[name][-1])
    sha256 = sha256_of(path)
    settled = time.time_ns() - max(stamp[1], stamp[2]) > _SETTLED_NS
    if settled and not look_only and _stamp(path) == stamp:
        index[name] = [*stamp, sha256]
        try:
            write_text(cache / _INDEX, json.dumps(index, indent=0))
        except OSError as error:
            raise UserError(f"the cache {cache} can't be written: {error}") from error
    return sha256


def _read_index(path: Path) -> dict[str, list[Any]]:
    entries = read_json(path).items()
    return {k: v for k, v in entries if isinstance(v, list) and len(v) == 5}


def _code() -> str:
    """Version of all that reading reaches: when it changes, what it made is made anew."""
    return CODE.version({f"{__package__}.kaggle"})
