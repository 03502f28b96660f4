"""Zip archives opened safely: each member's name, flags and sizes are checked first."""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from fkd_core.data.kinds import HEAD, NO_TEXT, ZIP, kind_of
from fkd_core.errors import UserError

LARGEST = 4 << 30
"""Bytes that one member may unpack to; the official training.csv has 0.24e9."""
LARGEST_INNER = 1 << 30
"""Bytes that an archive within an archive may have, since it is held in memory."""
STEEPEST = 100
"""Times that a member of over STEEP_FROM may be larger than its packed form; official: about 4."""
STEEP_FROM = 16 << 20

DAMAGE: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    struct.error,
)
"""What reading a damaged archive may raise."""
REFUSED: tuple[type[Exception], ...] = (
    *DAMAGE,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
"""What opening a damaged or unusual archive may raise."""


@contextmanager
def open_zip(file: Path | IO[bytes], shown: str) -> Iterator[zipfile.ZipFile]:
    """An archive on disk or in memory; `shown` is its name in messages."""
    if isinstance(file, Path) and (first := file.with_suffix(".z01")).exists():
        raise UserError(
            f"{shown} is the last part of several, the first is {first.name}; join them with "
            f"`zip -s 0 {file.name} --out whole.zip`, and unpack that"
        )
    try:
        archive = zipfile.ZipFile(file)
    except REFUSED as error:
        raise _no_zip(file, shown) or damaged(shown, error) from error
    with archive:
        yield archive


@contextmanager
def open_inner(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, shown: str
) -> Iterator[zipfile.ZipFile]:
    """An archive within an archive, read into memory: a zip is read from its end."""
    if entry.file_size > LARGEST_INNER:
        raise UserError(f"{shown} is refused: it has {entry.file_size:,} bytes")
    try:
        packed = archive.read(entry)
    except REFUSED as error:
        raise damaged(shown, error) from error
    with open_zip(io.BytesIO(packed), shown) as inside:
        yield inside


def entries_of(archive: zipfile.ZipFile, shown: str) -> list[zipfile.ZipInfo]:
    """The members that are files, each checked before a byte of it is unpacked; without what
    macOS adds."""
    entries = archive.infolist()
    if len(entries) > 1000:
        raise UserError(f"{shown} has {len(entries)} members; this is not the competition's file")
    for entry in entries:
        _check(entry, shown)
    files = [entry for entry in entries if not entry.is_dir()]
    return [e for e in files if not re.search(r"^__MACOSX/|(^|[/\\])\._", e.filename)]


def _check(entry: zipfile.ZipInfo, shown: str) -> None:
    name = entry.orig_filename
    inside = PurePosixPath(name.replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts or PureWindowsPath(name).drive or "\0" in name:
        raise UserError(f"{shown} is refused: its member {name!r} points outside the archive")
    if entry.flag_bits & 0x41:
        raise UserError(f"{shown} is encrypted ({name!r}); unpack it and give the plain file")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"{shown} packs {name!r} in an unusual way; unpack it and give the file")
    steep = entry.file_size > STEEPEST * max(entry.compress_size, 1)
    if entry.file_size > LARGEST or (steep and entry.file_size > STEEP_FROM):
        raise UserError(
            f"{shown} is refused: {name!r} would unpack from {entry.compress_size:,} to "
            f"{entry.file_size:,} bytes, which no file of the competition does"
        )


def _no_zip(file: Path | IO[bytes], shown: str) -> UserError | None:
    """The error about what was never a zip archive; None for one that is damaged."""
    try:
        with open(file, "rb") if isinstance(file, Path) else nullcontext(file) as stream:
            stream.seek(0)
            head = stream.read(HEAD)
    except OSError:
        return None
    kind = kind_of(head) or "text and no zip archive; is it a CSV file? Let its name end in .csv"
    if not head:
        kind = "empty; download it again"
    return None if kind in (ZIP, NO_TEXT) else UserError(f"{shown} is {kind}")


def damaged(shown: str, error: BaseException) -> UserError:
    """The one sentence about a file that can't be read."""
    if isinstance(error, OSError) and error.strerror:
        return UserError(f"{shown} can't be read: {error.strerror}")
    return UserError(f"{shown} is damaged ({error or type(error).__name__}); download it again")
