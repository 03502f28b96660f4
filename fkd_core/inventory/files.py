"""Files of a results folder, and sizes as people write them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fkd_core.errors import UserError
from fkd_core.files import UNFINISHED, abandoned, unfinished

_SIZE = re.compile(r"(\d{1,18}(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class File:
    """One file as it was found."""

    where: str
    """Its path; as text, for there may be a hundred thousand."""
    bytes: int
    used: float
    """When it was written or marked as used, seconds since 1970."""

    @property
    def path(self) -> Path:
        """Its path."""
        return Path(self.where)

    @property
    def unfinished(self) -> bool:
        """Whether somebody is writing it, or died while writing it."""
        return UNFINISHED in self.where and unfinished(self.path)

    @property
    def abandoned(self) -> bool:
        """Whether nobody writes it any more, though it is unfinished."""
        return UNFINISHED in self.where and abandoned(self.path, self.used)


def files_below(folder: Path) -> Iterator[File]:
    """Every file below a folder, links left alone; a folder that is not there is empty."""
    todo = [str(folder)]
    while todo:
        with contextlib.suppress(FileNotFoundError):  # others may delete meanwhile
            for entry in os.scandir(todo.pop()):
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        stat = entry.stat(follow_symlinks=False)
                        where = entry.path.removeprefix("./")  # as Path has it
                        yield File(where, stat.st_size, stat.st_mtime)


def total(files: Iterable[File]) -> int:
    """Bytes of all of them."""
    return sum(file.bytes for file in files)


def grouped(folder: Path, files: Sequence[File]) -> dict[str, list[File]]:
    """Files by the name right below a folder."""
    start = len(str(folder)) + 1 if folder.parts else 0
    groups: dict[str, list[File]] = defaultdict(list)
    for file in files:
        groups[file.where[start:].partition(os.sep)[0]].append(file)
    return dict(sorted(groups.items()))


def drop(path: Path) -> None:
    """Deletes a file or a folder; one that is not there is as good as deleted."""
    if path.is_dir() and not path.is_symlink():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def parse_size(text: str) -> int:
    """Bytes of a size like 500MB, 10 GB (powers of 1000) or 1.5GiB (of 1024).

    Raises UserError for anything else.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or (found[3] and not found[2]):
        raise UserError(f"{text!r} is no size; give one like 500MB, 10GB or 1.5GiB")
    base = 1024 if found[3] else 1000
    return int(float(found[1]) * base ** " kmgt".index(found[2].lower() or " "))
