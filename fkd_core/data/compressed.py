"""Files that gzip, bzip2 or xz packed, read as streams up to a limit."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import PurePath
from typing import IO, Any

from fkd_core.data.kinds import BOM, HEAD, NO_TEXT, kind_of
from fkd_core.data.zips import LARGEST, STEEP_FROM, STEEPEST
from fkd_core.errors import UserError

_OPENERS: dict[str, Callable[[Any], AbstractContextManager[Any]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
ENDINGS = tuple(_OPENERS)
"""How names of such files end."""


def unpacked(stream: IO[bytes], name: str) -> AbstractContextManager[IO[bytes]]:
    """What a stream holds, unpacked as its file's name says; some programs unpack a file and leave
    it that name, and then it is given as it is. Raises UserError where it is something else."""
    opener = _OPENERS.get(PurePath(name).suffix.casefold())
    if opener is None:
        return nullcontext(stream)
    head = stream.peek(HEAD)[:HEAD]  # type: ignore[attr-defined]
    kind = kind_of(head)
    if kind is None and head.removeprefix(BOM).isascii():
        return nullcontext(stream)
    if kind not in (None, NO_TEXT) and "packed with" not in kind:
        raise UserError(f"{name} is {kind}")
    return opener(stream)


def most(name: str, packed: int) -> float:
    """Bytes that a file of so many may unpack to: these forms don't say how many they are."""
    if PurePath(name).suffix.casefold() not in _OPENERS:
        return float("inf")
    return min(LARGEST, max(STEEP_FROM, STEEPEST * packed))
