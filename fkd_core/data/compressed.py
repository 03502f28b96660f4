"""Files that gzip, bzip2 or xz packed, read as streams up to a limit."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import PurePath
from typing import IO, Any

from fkd_core.data.zips import LARGEST, STEEP_FROM, STEEPEST

_OPENERS: dict[str, Callable[[Any], AbstractContextManager[Any]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
ENDINGS = tuple(_OPENERS)
"""How names of such files end."""


def unpacked(stream: IO[bytes], name: str) -> AbstractContextManager[IO[bytes]]:
    """What a stream holds, unpacked as its file's name says."""
    opener = _OPENERS.get(PurePath(name).suffix.casefold())
    return nullcontext(stream) if opener is None else opener(stream)


def most(name: str, packed: int) -> float:
    """Bytes that a file of so many may unpack to: these forms don't say how many they are."""
    if PurePath(name).suffix.casefold() not in _OPENERS:
        return float("inf")
    return min(LARGEST, max(STEEP_FROM, STEEPEST * packed))
