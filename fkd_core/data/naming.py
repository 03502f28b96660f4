"""What a file's name says: which of the competition's files it is, in which form, how deep."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from fkd_core.data.archive import roles
from fkd_core.data.compressed import ENDINGS

PLAIN, PACKED, ZIPPED, DOWNLOADED = range(4)
"""Forms of a file; where it is there in several, the least is read."""
_NO_DEPTH = ("training", "test")


def role_of(name: str) -> tuple[str, int] | None:
    """The role of a file of this name, and its form."""
    small = PurePosixPath(name.replace("\\", "/")).name.casefold()
    for role in roles():
        if small == role.casefold():
            return role, PLAIN
        if small in (f"{Path(role).stem}.zip".casefold(), f"{role}.zip".casefold()):
            return role, ZIPPED
        if small in [f"{role}{ending}".casefold() for ending in ENDINGS]:
            return role, PACKED
    return None


def depth(name: str) -> int:
    """Folders around a file, besides those in which the competition packs it."""
    folders = PurePosixPath(name.replace("\\", "/")).parts[:-1]
    return sum(folder.casefold() not in _NO_DEPTH for folder in folders)
