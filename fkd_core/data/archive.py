"""Where the competition's files lie (folder, zips, the one downloaded archive), read safely.

Nothing is ever extracted to disk: members are read as streams, after their declared sizes, names
and flags were checked, and never beyond those sizes.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from fkd_core.data.zips import DAMAGE, REFUSED, damaged, entries_of, open_inner, open_zip
from fkd_core.errors import UserError
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
    """The file on disk: the CSV itself, or the archive that holds it."""
    members: tuple[str, ...] = ()
    """The way from the container inwards; empty for a plain file."""

    @property
    def name(self) -> str:
        """How messages call it, such as ``training.zip/training.csv``."""
        return "/".join((self.container.name, *self.members))


def find(path: Path) -> dict[str, Stored]:
    """The competition's files in a folder or an archive, by role; training.csv is always there.

    A plain file goes before a zipped one, and that before the downloaded archive. Raises UserError
    where the path or training.csv is missing, or where an archive is damaged or hostile.
    """
    try:
        return _find(path)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error


def _find(path: Path) -> dict[str, Stored]:
    if path.is_dir():
        found = _in_folder(path)
    elif path.is_file():
        if not zipfile.is_zipfile(path):
            raise UserError(
                f"{path} is neither a folder nor an intact zip archive; give the folder with "
                f"{TRAINING}, or {DOWNLOAD} as downloaded"
            )
        found = _in_archive(path)
    else:
        raise UserError(f"{path} does not exist; give the folder or archive with {TRAINING}")
    if TRAINING not in found:
        raise UserError(
            f"{path} holds no {TRAINING} (nor training.zip); download it with "
            "`kaggle competitions download -c facial-keypoints-detection`"
        )
    return {role: found[role] for role in roles() if role in found}


def chunks(stored: Stored) -> Iterator[bytes]:
    """The file's bytes in order, about 1 MiB at a time; UserError where they can't be had."""
    try:
        with _opened(stored) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except DAMAGE as error:
        raise damaged(stored.name, error) from error


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file on disk; UserError where it can't be read."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error


def _zipped_names(role: str) -> tuple[str, str]:
    return f"{Path(role).stem}.zip", f"{role}.zip"


def _in_folder(folder: Path) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    for role in roles():
        if (folder / role).is_file():
            found[role] = Stored(role, folder / role)
            continue
        for name in _zipped_names(role):
            if (folder / name).is_file():
                with open_zip(folder / name, name) as archive:
                    found[role] = Stored(role, folder / name, (_only_csv(archive, name, role),))
                break
    if len(found) < len(roles()) and (folder / DOWNLOAD).is_file():
        found = {**_in_archive(folder / DOWNLOAD), **found}
    return found


def _in_archive(path: Path) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    with open_zip(path, path.name) as archive:
        for entry in entries_of(archive, path.name):
            base = PurePosixPath(entry.filename).name
            for role in roles():
                members: tuple[str, ...] = (entry.filename,)
                if base in _zipped_names(role):
                    shown = f"{path.name}/{entry.filename}"
                    with open_inner(archive, entry, shown) as inside:
                        members = (*members, _only_csv(inside, shown, role))
                elif base != role:
                    continue
                if role in found:
                    raise UserError(f"{path.name} holds {role} twice; keep one of them")
                found[role] = Stored(role, path, members)
    return found


@contextmanager
def _opened(stored: Stored) -> Iterator[IO[bytes]]:
    if not stored.members:
        with open(stored.container, "rb") as plain:
            yield plain
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
        yield stream


def _named(archive: zipfile.ZipFile, shown: str, name: str) -> zipfile.ZipInfo:
    for entry in entries_of(archive, shown):
        if entry.filename == name:
            return entry
    raise UserError(f"{shown} no longer holds {name}; was it replaced meanwhile?")


def _only_csv(archive: zipfile.ZipFile, shown: str, role: str) -> str:
    names = [e.filename for e in entries_of(archive, shown) if e.filename.lower().endswith(".csv")]
    if len(names) > 1:
        raise UserError(f"{shown} holds several csv files ({', '.join(names[:3])}); wanted {role}")
    if not names or PurePosixPath(names[0]).name != role:
        raise UserError(f"{shown} holds no {role}, but {names[0] if names else 'no csv file'}")
    return names[0]
