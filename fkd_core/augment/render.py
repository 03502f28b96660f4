"""Augmented copies of faces, rendered once and shared by every fit that asks for the same.

This module imports NumPy alone; only rendering anew imports OpenCV, so where it does not load
it reads from the cache what a machine with the same versions has rendered.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.augment.policy import Policy, rendering_of
from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.files import keep_under, whole_file, write_text
from fkd_core.libraries import RENDERING, version
from fkd_core.reach import CODE, Code

Copy = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""Images [n, 96, 96] and points [n, 15, 2] of n faces."""
Frames = NDArray[np.float64]
"""[n, 2, 3]: where picture coordinates (x, y, 1), in pixels, are shown."""
LIMIT_BYTES = 8_000_000_000
"""Size the cache is kept under unless said otherwise."""


@dataclass(frozen=True, eq=False)
class Copies:
    """Augmented versions of the same faces, read lazily: ``copies[k]`` for k below the length."""

    count: int
    of: Callable[[int], Copy]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, k: int) -> Copy:
        if not 0 <= k < self.count:
            raise IndexError(f"copy {k} of {self.count}")
        return self.of(k)


ENDLESS = sys.maxsize
"""Length of copies that are rendered as they are asked for."""


def render(
    images: NDArray[np.uint8],
    points: NDArray[np.float32],
    rows: NDArray[np.int32],
    policy: Policy,
    seed: int,
    copy: int,
    frames: Frames | None = None,
) -> Copy:
    """One augmented version of every face: its copy of this number.

    images [n, 96, 96], points [n, 15, 2] with NaN where missing, rows [n] (``Faces.row``). Gives
    images [n, 96, 96] and points [n, 15, 2]. With `frames` the faces are shown straightened and
    the policy acts on them there, both in one sampling. A copy depends on its seed, row and number
    alone: any subset of the faces, in any order and in any process, gives equal copies.
    Raises UserError where OpenCV is missing.
    """
    shown, moved = np.empty(images.shape, np.uint8), np.empty(points.shape, np.float32)
    _drawing()(images, points, rows, policy, seed, copy, frames, shown, moved)
    return shown, moved


def rendered(
    faces: Faces,
    policy: Policy,
    seed: int,
    copies: int | None,
    cache: Path | None,
    frames: Frames | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> Copies:
    """The copies that `render` makes of these faces, numbered from 0.

    With a folder `cache` all of them are read from there, memory-mapped and read-only, once they
    are made; without one each is made when first asked for, and kept. `copies=None` stands for as
    many as one asks for: each made when asked for, only the last one kept, nothing on disk.

    A damaged file is noticed and rendered anew; the folder is kept under `limit_bytes`, least
    recently used first. A policy without steps gives the originals, or the straightened faces.
    Raises UserError where a rendering is missing from the cache and cannot be made here.
    """
    count = ENDLESS if copies is None else copies
    if not policy and frames is None:
        return Copies(count, lambda _: (faces.images, faces.points))

    def one(k: int) -> Copy:
        return render(faces.images, faces.points, faces.row, policy, seed, k, frames)

    if not policy:
        same = one(0)
        return Copies(count, lambda _: same)
    if copies is None or cache is None:
        _drawing()  # what is missing is told now
        return Copies(count, lru_cache(maxsize=1 if copies is None else copies)(one))
    key = _key(faces, policy, seed, copies, frames)
    found = _read(cache, key, faces, copies)
    if found is None:
        _write(cache, key, faces, policy, seed, copies, frames)
        found = _read(cache, key, faces, copies)
        if found is None:
            raise OSError(f"cannot read back the rendering just written to {cache}")
        # Only after opening: a mapped file survives its own deletion.
        keep_under(cache, limit_bytes)
    images, points = found
    return Copies(copies, lambda k: (images[k], points[k]))


def _drawing() -> Callable[..., None]:
    """``draw_copy``. Raises UserError where OpenCV is missing."""
    try:
        from fkd_core.augment.draw import draw_copy
    except ImportError as error:
        raise UserError(
            f"rendering augmented copies needs OpenCV ({error}); install it, or render on a "
            "machine that has it and bring its rendering cache here"
        ) from error
    return draw_copy


def rendering_version(
    policy: Policy, code: Code = CODE, version_of: Callable[[str], str] = version
) -> str:
    """Says which code and libraries decide what a rendering of this policy looks like."""
    named = {step.transform for step in policy.steps}
    reached = code.version({__name__, *rendering_of(named, code)})
    return json.dumps([reached, *(version_of(library) for library in RENDERING)])


def _key(
    faces: Faces, policy: Policy, seed: int, copies: int, frames: Frames | None = None
) -> str:
    shown = None if frames is None else hashlib.sha256(_bytes(frames)).hexdigest()
    version_of = rendering_version(policy)
    parts = [policy.hash, faces.fingerprint, int(seed), copies, shown, version_of]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _bytes(frames: Frames) -> bytes:
    return np.ascontiguousarray(frames, np.float64).tobytes()


def _paths(cache: Path, key: str) -> tuple[Path, Path, Path]:
    return cache / f"{key}.images.npy", cache / f"{key}.points.npy", cache / f"{key}.json"


def _write(
    cache: Path,
    key: str,
    faces: Faces,
    policy: Policy,
    seed: int,
    copies: int,
    frames: Frames | None,
) -> None:
    """Renders straight into the files, so that no rendering has to fit in memory.

    Two processes at the same key write the same bytes, each aside; the later rename wins.
    """
    images_path, points_path, note_path = _paths(cache, key)
    with whole_file(images_path) as images_aside, whole_file(points_path) as points_aside:
        shown = _create(images_aside, (copies, *faces.images.shape), np.uint8)
        moved = _create(points_aside, (copies, *faces.points.shape), np.float32)
        draw = _drawing()
        for k in range(copies):
            given = (faces.images, faces.points, faces.row, policy, seed, k, frames)
            draw(*given, shown[k], moved[k])
        shown.flush()
        moved.flush()
        note = {"images": _checksum(shown), "points": _checksum(moved), "policy": policy.to_json()}
        del shown, moved
    write_text(note_path, json.dumps(note))


def _create(path: Path, shape: tuple[int, ...], dtype: type) -> Any:
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)


def _checksum(array: NDArray[Any]) -> int:
    """CRC-32 of the array's bytes: against decay, not against malice."""
    value = 0
    for part in array:
        value = zlib.crc32(np.ascontiguousarray(part).data, value)
    return value


_checked: set[tuple[str, int, int, int, int]] = set()
"""What this process has verified: (path, inode, size, time of writing in ns, checksum)."""
TOUCH_SECONDS = 60
"""A use is marked once in so long at most, since marking makes other processes verify again."""


def _read(cache: Path, key: str, faces: Faces, copies: int) -> Copy | None:
    """Images [copies, n, 96, 96] and points, mapped; None where they are missing or damaged."""
    images_path, points_path, note_path = _paths(cache, key)
    try:
        note = json.loads(note_path.read_text(encoding="utf-8"))
        for path in (images_path, points_path, note_path):
            if time.time() - path.stat().st_mtime > TOUCH_SECONDS:
                os.utime(path)
        images = _open(images_path, (copies, *faces.images.shape), np.uint8, note["images"])
        points = _open(points_path, (copies, *faces.points.shape), np.float32, note["points"])
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return images, points


def _open(path: Path, shape: tuple[int, ...], dtype: type, checksum: int) -> NDArray[Any]:
    """The array, verified against shape, dtype and checksum. Raises ValueError or OSError."""
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{path} holds {array.dtype} {array.shape}, wanted {dtype} {shape}")
    stat = path.stat()
    known = (str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns, checksum)
    if known not in _checked:
        if _checksum(array) != checksum:
            raise ValueError(f"{path} is damaged")
        _checked.add(known)
    return array
