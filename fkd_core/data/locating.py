"""Where the competition's files lie: in a folder, in zips, in the one downloaded archive."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from fkd_core.data.archive import DOWNLOAD, TRAINING, Stored, roles
from fkd_core.data.zips import entries_of, open_inner, open_zip
from fkd_core.errors import UserError


@dataclass(frozen=True)
class Found:
    """Which of the competition's files are there."""

    files: dict[str, Stored]
    """By role; training.csv is always there."""
    notes: tuple[str, ...]
    """What was left aside for each that was found twice."""


def find(path: Path) -> Found:
    """The competition's files in a folder or an archive.

    Names may be in capital or small letters, and files up to two folders deep, packed or not. The
    one that lies highest is read (``training/`` and ``test/``, as the competition packs them, are
    no depth), a plain file before a zipped one, and that before the downloaded archive. Raises
    UserError where the path or training.csv is missing, where two files are on a par, or where an
    archive is damaged or hostile.
    """
    try:
        return _find(path)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error


def _find(path: Path) -> Found:
    if path.is_dir():
        candidates = _in_folder(path)
    elif path.is_file():
        if not zipfile.is_zipfile(path):
            raise UserError(
                f"{path} is neither a folder nor an intact zip archive; give the folder with "
                f"{TRAINING}, or {DOWNLOAD} as downloaded"
            )
        candidates = list(_in_archive(path, path.name))
    else:
        raise UserError(f"{path} does not exist; give the folder or archive with {TRAINING}")
    files, notes = {}, []
    for role in roles():
        own = sorted((c for c in candidates if c.role == role), key=lambda c: (c.rank, c.shown))
        if len(own) > 1 and own[0].rank == own[1].rank:
            raise UserError(
                f"{path} holds {role} twice: {own[0].shown} and {own[1].shown}; keep one of them, "
                "or give the folder that is meant"
            )
        if own:
            files[role] = own[0].stored()
            notes += [f"{own[0].shown} is read; {other.shown} is left." for other in own[1:]]
    if TRAINING not in files:
        raise UserError(
            f"{path} holds no {TRAINING} (nor training.zip); download it with "
            "`kaggle competitions download -c facial-keypoints-detection`"
        )
    return Found(files, tuple(notes))


@dataclass(frozen=True)
class _Candidate:
    """A file that may be one of the competition's."""

    role: str
    shown: str
    """Where it lies, for messages."""
    rank: tuple[int, int]
    """Depth, then kind; the least is read."""
    stored: Callable[[], Stored]
    """Looks into it, where it is a zip, for the CSV file."""


_PLAIN, _ZIPPED, _DOWNLOADED = range(3)
_DEEPEST = 2
_NO_DEPTH = ("training", "test")
_DOWNLOADS = Path(DOWNLOAD).stem
"""How its name begins, whatever a browser adds."""


def _role_of(name: str) -> tuple[str, int] | None:
    """The role of a file of this name, and its kind."""
    small = PurePosixPath(name.replace("\\", "/")).name.casefold()
    for role in roles():
        if small == role.casefold():
            return role, _PLAIN
        if small in (f"{Path(role).stem}.zip".casefold(), f"{role}.zip".casefold()):
            return role, _ZIPPED
    return None


def _depth(name: str) -> int:
    folders = PurePosixPath(name.replace("\\", "/")).parts[:-1]
    return sum(folder.casefold() not in _NO_DEPTH for folder in folders)


def _in_folder(folder: Path) -> list[_Candidate]:
    found: list[_Candidate] = []
    downloads: list[Path] = []
    for file in _files(folder, _DEEPEST):
        name = file.relative_to(folder).as_posix()
        if file.name.casefold().startswith(_DOWNLOADS) and file.suffix.casefold() == ".zip":
            downloads.append(file)
        elif (known := _role_of(name)) is not None:
            role, kind = known

            def stored(role: str = role, kind: int = kind, file: Path = file) -> Stored:
                if kind == _PLAIN:
                    return Stored(role, file)
                with open_zip(file, file.name) as archive:
                    return Stored(role, file, (_only_csv(archive, file.name, role),))

            found.append(_Candidate(role, name, (_depth(name), kind), stored))
    for file in downloads:
        if len({candidate.role for candidate in found}) < len(roles()):
            name = file.relative_to(folder).as_posix()
            for inner in _in_archive(file, name):
                found.append(replace(inner, rank=(_depth(name), _DOWNLOADED)))
    return found


def _files(folder: Path, deeper: int) -> Iterator[Path]:
    """The files in a folder, and in those below it but hidden ones."""
    for entry in sorted(folder.iterdir()):
        if entry.is_file():
            yield entry
        elif deeper and entry.is_dir() and not entry.name.startswith((".", "__MACOSX")):
            try:
                yield from _files(entry, deeper - 1)
            except PermissionError:
                continue


def _in_archive(path: Path, shown: str) -> Iterator[_Candidate]:
    with open_zip(path, path.name) as archive:
        for entry in entries_of(archive, path.name):
            name = entry.filename
            if (known := _role_of(name)) is None:
                continue
            role, kind = known
            members: tuple[str, ...] = (name,)
            if kind == _ZIPPED:
                inner = f"{path.name}/{name}"
                with open_inner(archive, entry, inner) as inside:
                    members = (name, _only_csv(inside, inner, role))
            stored = partial(Stored, role, path, members)
            yield _Candidate(role, f"{shown}/{name}", (_depth(name), kind), stored)


def _only_csv(archive: zipfile.ZipFile, shown: str, role: str) -> str:
    names = [e.filename for e in entries_of(archive, shown) if e.filename.lower().endswith(".csv")]
    if len(names) > 1:
        raise UserError(f"{shown} holds several csv files ({', '.join(names[:3])}); wanted {role}")
    if not names or _role_of(names[0]) != (role, _PLAIN):
        raise UserError(f"{shown} holds no {role}, but {names[0] if names else 'no csv file'}")
    return names[0]
