"""Pruning: a results folder cut down to a size, dropping first what costs least to have again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fkd_core.inventory.files import File, drop, grouped, total
from fkd_core.inventory.kept import weights_label
from fkd_core.inventory.needs import Needs
from fkd_core.inventory.stock import Inventory
from fkd_core.runs import FINAL, OLDER

_STAYS = {
    "fits": "results of fits are evidence; --delete takes one by its key",
    "artifacts": "pictures on the dashboard's pages; they go with their study",
    "predictions": "what predict.py drew",
    FINAL: "how often set final was scored; nothing takes that back",
    "cache": "being written just now",
    **dict.fromkeys(OLDER, "of an older version, and not read any more"),
}
"""Why a part of a results folder stays."""


@dataclass(frozen=True)
class Droppable:
    """Something that goes as a whole."""

    kind: str
    """What it is one of."""
    again: str
    """What having it again takes."""
    paths: Sequence[Path]
    bytes: int
    used: float
    """When it was last used, seconds since 1970."""


def in_order(inventory: Inventory, needs: Needs) -> list[Droppable]:
    """All that may go, the first to go first."""
    return [*_caches(inventory), *_waste(inventory), *_weights(inventory, needs)]


def to_drop(inventory: Inventory, needs: Needs, limit_bytes: int) -> list[Droppable]:
    """What has to go until the folder is at most so large; all that may go where it never is."""
    left, going = inventory.bytes, []
    for each in in_order(inventory, needs):
        if left <= limit_bytes:
            break
        going.append(each)
        left -= each.bytes
    return going


def prune(inventory: Inventory, going: Sequence[Droppable]) -> None:
    """Drops them; raises UserError, before anything is dropped, while a study is being searched,
    whose fits may just be reading them."""
    inventory.check_idle(study.name for study in inventory.studies)
    for path in (path for each in going for path in each.paths):
        drop(path)


def remaining(inventory: Inventory, going: Sequence[Droppable]) -> Mapping[str, tuple[int, str]]:
    """Bytes of each part that stays, and why it does."""
    gone = {path for each in going for path in each.paths}
    left = {
        part: total(f for f in files if f.path not in gone and gone.isdisjoint(f.path.parents))
        for part, files in inventory.parts.items()
    }
    return {part: (size, _why(inventory, part)) for part, size in left.items() if size}


def _why(inventory: Inventory, part: str) -> str:
    if part in {run.name for run in inventory.runs}:
        return "the outcomes of a run; --delete takes it, or those of one command"
    if part.startswith("studies.db"):  # its journal and the locks of drivers too
        return "the studies; deleting one makes room inside, but the file stays as large"
    return _STAYS.get(part, "not known to this command")


def _caches(inventory: Inventory) -> list[Droppable]:
    """Entries of all caches, the least recently used first; what is being written stays."""
    found = []
    for cache, files in inventory.caches.items():
        folder = inventory.folder / "cache" / cache
        for paths, own in _entries(folder, files):
            if not any(file.unfinished and not file.abandoned for file in own):
                found.append(_whole(f"cache: {cache}", "made when it is needed", own, paths))
    return sorted(found, key=lambda each: each.used)


def _entries(folder: Path, files: Sequence[File]) -> Iterator[tuple[list[Path], list[File]]]:
    """What belongs together in a cache: a subfolder, or files of one name but for its endings."""
    if [file.path for file in files] == [folder]:  # no folder at all
        yield [folder], list(files)
        return
    entries: dict[str, list[str]] = {}
    by_name = grouped(folder, files)
    for name in by_name:
        entries.setdefault(name.lstrip(".").partition(".")[0], []).append(name)
    for names in entries.values():
        yield [folder / name for name in names], [f for name in names for f in by_name[name]]


def _waste(inventory: Inventory) -> list[Droppable]:
    outside = [
        file for part, files in inventory.parts.items() if part != "cache" for file in files
    ]
    damaged = inventory.folder / "fits" / "damaged"
    return [
        *(_whole("damaged", "of no use", [f]) for f in outside if f.path.parent == damaged),
        *(_whole("unfinished", "of no use", [f]) for f in outside if f.abandoned),
    ]


def _weights(inventory: Inventory, needs: Needs) -> list[Droppable]:
    """Weights that nothing needs, then the others; the least recently used first in each."""
    free, needed = [], []
    for key, file in inventory.weights.items():
        if needs.get(weights_label(key)):
            again = "build_ensemble.py would train these fits again"
            needed.append(_whole("weights of the ensemble", again, [file]))
        else:
            free.append(_whole("weights that nothing needs", "training their fits again", [file]))
    return [each for kind in (free, needed) for each in sorted(kind, key=lambda each: each.used)]


def _whole(kind: str, again: str, files: Sequence[File], paths: Sequence[Path] = ()) -> Droppable:
    """These files, or the paths that hold them, as one."""
    used = max(file.used for file in files)
    return Droppable(kind, again, paths or [file.path for file in files], total(files), used)
