"""The competition's files wherever they lie (plain, packed, zipped twice), read safely.

Nothing is ever extracted to disk: members are read as streams, after their declared sizes, names
and flags were checked, and never beyond those sizes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fkd_core.data.compressed import most, unpacked
from fkd_core.data.zips import DAMAGE, REFUSED, damaged, entries_of, open_inner, open_zip
from fkd_core.errors import UserError
from fkd_core.files import digest_of
from fkd_core.sources import SOURCES

TRAINING, TEST, LOOKUP, SAMPLE = (
    "training.csv",
    "test.csv",
    "IdLookupTable.csv",
    "SampleSubmission.csv",
)


def roles() -> tuple[str, ...]:
    """The competition's files, by the names it gave them, and those of further sources."""
    more = (source.file for source in SOURCES.values() if source.file)
    return (TRAINING, TEST, LOOKUP, SAMPLE, *more)


DOWNLOAD = "facial-keypoints-detection.zip"
"""What the competition's download command leaves: one archive with the others inside."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Stored:
    """One of the competition's CSV files, wherever it lies."""

    role: str
    """One of ``roles``."""
    container: Path
    """The file on disk: the CSV itself, plain or as .gz, .bz2 or .xz, or the archive that holds
    it."""
    members: tuple[str, ...] = ()
    """The way from the container inwards; empty for a file that is no archive."""

    @property
    def name(self) -> str:
        """How messages call it, such as ``training.zip/training.csv``."""
        return "/".join((self.container.name, *self.members))


def chunks(stored: Stored) -> Iterator[bytes]:
    """The file's bytes in order, about 1 MiB at a time; UserError where they can't be had."""
    try:
        with _opened(stored) as (stream, packed):
            left = most(stored.name, packed)
            while chunk := stream.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise UserError(
                        f"{stored.name} is refused: it would unpack from {packed:,} bytes to over "
                        f"{most(stored.name, packed):,}, which no file of the competition does"
                    )
                yield chunk
    except DAMAGE as error:
        raise damaged(stored.name, error) from error


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file on disk; UserError where it can't be read."""
    try:
        return digest_of(path)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error


@contextmanager
def _opened(stored: Stored) -> Iterator[tuple[IO[bytes], int]]:
    """The CSV file's bytes, and how many hold them where they are packed singly."""
    if not stored.members:
        with open(stored.container, "rb") as file, unpacked(file, stored.name) as plain:
            yield plain, stored.container.stat().st_size
        return
    with ExitStack() as stack:
        shown = stored.container.name
        archive = stack.enter_context(open_zip(stored.container, shown))
        for name in stored.members[:-1]:
            entry = _named(archive, shown, name)
            shown = f"{shown}/{name}"
            archive = stack.enter_context(open_inner(archive, entry, shown))
        entry = _named(archive, shown, stored.members[-1])
        try:
            stream = stack.enter_context(archive.open(entry))
        except REFUSED as error:
            raise damaged(stored.name, error) from error
        yield stack.enter_context(unpacked(stream, stored.name)), entry.file_size


def _named(archive: zipfile.ZipFile, shown: str, name: str) -> zipfile.ZipInfo:
    for entry in entries_of(archive, shown):
        if entry.filename == name:
            return entry
    raise UserError(f"{shown} no longer holds {name}; was it replaced meanwhile?")
