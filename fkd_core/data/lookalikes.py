"""What lies where a file of the competition is wanted and not found, and what to do with it."""

from __future__ import annotations

import difflib
import re
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from fkd_core.data.archive import DOWNLOAD, TRAINING
from fkd_core.data.kinds import HEAD, ZIP, kind_of
from fkd_core.data.naming import role_of
from fkd_core.errors import UserError
from fkd_core.files import address_in

_ALIKE = 0.76
"""Likeness of two names from which on one may be meant by the other: `train`, `ID_lookup`."""
_UNPACK = "unpack it"
_SAVE = "save it as CSV, called {}"
_NAME = "call it {}"
_WAIT = "let its download end"
_ADVICE = {
    **dict.fromkeys((".zip", ".gz", ".bz2", ".xz", ".zst"), _UNPACK),
    **dict.fromkeys((".tar", ".tgz", ".7z", ".rar"), _UNPACK),
    **dict.fromkeys((".parquet", ".feather", ".arrow", ".json", ".tsv", ".h5", ".npz"), _SAVE),
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".numbers", ".sqlite", ".pkl"), _SAVE),
    **dict.fromkeys((".csv", ".txt", ".data", ".bak", ".old", ""), _NAME),
    **dict.fromkeys((".icloud", ".crdownload", ".part", ".download"), _WAIT),
}
"""What to do with a file whose name ends so; all others mean something else."""
_SHOWN = 3


def lookalikes(names: Iterable[str], role: str) -> str:
    """Of files with these names, which may be meant by a role and what to do with them, such as
    ``train.csv is there: call it training.csv``; empty where none may be."""
    names = sorted(names, key=lambda name: (name.count("/"), name))
    found = [(name, advice) for name in names if (advice := _advice(name, role))]
    if not found and role == TRAINING:
        found = [
            (name, f"if the files are in it, {_UNPACK}")
            for name in names
            if _ADVICE.get(PurePosixPath(name).suffix.casefold()) == _UNPACK
            and role_of(name) is None
        ]
    return ", ".join(f"{name} is there: {advice}" for name, advice in found[:_SHOWN])


def what_is(path: Path) -> str:
    """What something is that is no file."""
    if path.is_symlink() and not path.exists():
        return f"a link to {path.readlink()}, which is not there"
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def no_data(path: Path) -> UserError:
    """The error about what is neither a folder nor an intact zip archive."""
    give = f"give the folder with {TRAINING}, or {DOWNLOAD} as downloaded"
    neither = "neither a folder nor an intact zip archive"
    if path.is_file():
        if re.search(r"\.csv(\.\w+)?$", path.name, re.IGNORECASE):
            return UserError(f"{path} is one file; give the folder that it lies in, {path.parent}")
        with open(path, "rb") as file:
            kind = (kind_of(file.read(HEAD)) or "").partition(";")[0]
        if kind and kind != ZIP.partition(";")[0]:
            unpack = f"{_UNPACK} and " if re.search("packed|archive", kind) else ""
            return UserError(f"{path} is {kind}, {neither}; {unpack}{give}")
        return UserError(f"{path} is {neither}; {give}")
    if path.exists() or path.is_symlink():
        return UserError(f"{path} is {what_is(path)}, {neither}; {give}")
    if address := address_in(path):
        return UserError(f"{address} is an address, which is not read; download it, then {give}")
    return UserError(f"{path} does not exist; {give}")


def _advice(name: str, role: str) -> str:
    file = PurePosixPath(name.replace("\\", "/"))
    if file.name.startswith("._"):  # what macOS adds to a file
        return ""
    if known := role_of(name):
        return "it lies too deep; give a folder nearer to it" if known[0] == role else ""
    first, _, endings = file.name.casefold().strip(". ").partition(".")
    ending = endings and "." + endings.rpartition(".")[2]
    letters, wanted = _letters(first), _letters(Path(role).stem)
    alike = difflib.SequenceMatcher(None, letters, wanted).ratio()
    if alike < _ALIKE or letters[0] != wanted[0]:
        return ""
    if re.fullmatch(r"\.z?\d+", ending):
        return f"join its parts and {_UNPACK}"
    return _ADVICE.get(ending, "").format(role)


def _letters(stem: str) -> str:
    return re.sub(r"[^a-z]|copy", "", stem.casefold())
