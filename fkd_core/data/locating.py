"""Where the competition's files lie: in a folder, in zips, in the one downloaded archive."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from fkd_core.data.archive import DOWNLOAD, LOOKUP, TEST, TRAINING, Stored, roles
from fkd_core.data.lookalikes import lookalikes, no_data, what_is
from fkd_core.data.naming import DOWNLOADED, PLAIN, ZIPPED, depth, role_of
from fkd_core.data.zips import entries_of, open_inner, open_zip
from fkd_core.errors import UserError


@dataclass(frozen=True)
class Found:
    """Which of the competition's files are there."""

    files: dict[str, Stored]
    """By role; training.csv is always there."""
    notes: tuple[str, ...]
    """What was left aside for each that was found twice, and what may be meant by one that was
    not found."""


def find(path: Path) -> Found:
    """The competition's files in a folder or an archive.

    Names may be in capital or small letters, and files up to two folders deep, packed or not. The
    one that lies highest is read (``training/`` and ``test/``, as the competition packs them, are
    no depth), a plain file before a zipped one, and that before the downloaded archive. Raises
    UserError where the path or training.csv is missing, where two files are on a par, where
    something of such a name is no file, or where an archive is damaged or hostile.
    """
    try:
        return _find(path)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from error


def _find(path: Path) -> Found:
    if path.is_dir():
        candidates = _in_folder(path)
    elif path.is_file() and zipfile.is_zipfile(path):
        candidates = list(_in_archive(path, path.name))
    else:
        raise no_data(path)
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
        way = "download it with `kaggle competitions download -c facial-keypoints-detection`"
        raise UserError(
            f"{path} holds no {TRAINING} (nor training.zip); "
            f"{lookalikes(_names(path), TRAINING) or way}"
        )
    for role in (TEST, LOOKUP):
        if role not in files and (instead := lookalikes(_names(path), role)):
            notes.append(f"There is no {role}, but {instead}.")
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


_DEEPEST = 2
_LOOKED_AT = 10_000
"""Files that are looked at for one that may be meant, down to twice the depth."""
_DOWNLOADS = Path(DOWNLOAD).stem
"""How its name begins, whatever a browser adds."""


def _in_folder(folder: Path) -> list[_Candidate]:
    found: list[_Candidate] = []
    folders: list[_Candidate] = []
    archives: list[Path] = []
    for file in _files(folder, _DEEPEST, set()):
        name = file.relative_to(folder).as_posix()
        if (known := role_of(name)) is not None:
            role, kind = known
            stored = partial(_stored, role, kind, file)
            into = folders if file.is_dir() else found
            into.append(_Candidate(role, name, (depth(name), kind), stored))
        elif file.suffix.casefold() == ".zip" and file.is_file():
            archives.append(file)
    for file in filter(_is_download, archives):
        if len({candidate.role for candidate in found}) < len(roles()):
            found += _brought(folder, file)
    if TRAINING not in {candidate.role for candidate in found}:
        for file in filter(_brings_training, archives):
            found += _brought(folder, file)
    there = {candidate.role for candidate in found}
    return found + [candidate for candidate in folders if candidate.role not in there]


def _stored(role: str, kind: int, file: Path) -> Stored:
    if not file.is_file():
        raise UserError(f"{file} is {what_is(file)}; put the file itself there")
    if kind != ZIPPED:
        return Stored(role, file)
    with open_zip(file, file.name) as archive:
        return Stored(role, file, (_only_csv(archive, file.name, role),))


def _is_download(file: Path) -> bool:
    return file.name.casefold().startswith(_DOWNLOADS)


def _brings_training(file: Path) -> bool:
    """Whether an archive, of whatever name, holds training.csv."""
    if not zipfile.is_zipfile(file):
        return False
    return TRAINING in [known[0] for name in _names(file) if (known := role_of(name))]


def _brought(folder: Path, file: Path) -> list[_Candidate]:
    """What an archive in a folder holds; it ranks last."""
    name = file.relative_to(folder).as_posix()
    rank = (depth(name), DOWNLOADED)
    return [replace(inner, rank=rank) for inner in _in_archive(file, name)]


def _files(folder: Path, deeper: int, seen: set[Path]) -> Iterator[Path]:
    """What lies in a folder, and in those below it but hidden ones: files, and anything that has
    a file's name. Each folder is looked into once, whatever links lead to it."""
    seen.add(folder.resolve())
    for entry in sorted(folder.iterdir()):
        if not entry.is_dir():
            yield entry
            continue
        if deeper and not entry.name.startswith((".", "__MACOSX")) and entry.resolve() not in seen:
            with suppress(PermissionError):
                yield from _files(entry, deeper - 1, seen)
        if role_of(entry.name) is not None:
            yield entry


def _names(path: Path) -> list[str]:
    """The names of the files in a folder or an archive."""
    if path.is_dir():
        files = islice(_files(path, 2 * _DEEPEST, set()), _LOOKED_AT)
        return [file.relative_to(path).as_posix() for file in files if not file.is_dir()]
    with open_zip(path, path.name) as archive:
        return archive.namelist()


def _in_archive(path: Path, shown: str) -> Iterator[_Candidate]:
    with open_zip(path, path.name) as archive:
        for entry in entries_of(archive, path.name):
            name = entry.filename
            if (known := role_of(name)) is None:
                continue
            role, kind = known
            members: tuple[str, ...] = (name,)
            if kind == ZIPPED:
                inner = f"{path.name}/{name}"
                with open_inner(archive, entry, inner) as inside:
                    members = (name, _only_csv(inside, inner, role))
            stored = partial(Stored, role, path, members)
            yield _Candidate(role, f"{shown}/{name}", (depth(name), kind), stored)


def _only_csv(archive: zipfile.ZipFile, shown: str, role: str) -> str:
    names = [e.filename for e in entries_of(archive, shown) if e.filename.lower().endswith(".csv")]
    if len(names) > 1:
        several = ", ".join(names[:3])
        raise UserError(f"{shown} holds several csv files ({several}); unpack it, and give {role}")
    if not names or role_of(names[0]) != (role, PLAIN):
        other = ", ".join(names or archive.namelist()[:3]) or "nothing"
        raise UserError(f"{shown} holds no {role}, but {other}; unpack it, and give {role}")
    return names[0]
