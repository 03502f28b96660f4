"""Augmented copies of faces, rendered once and shared by every fit that asks for the same.

This module imports NumPy alone; only rendering anew imports OpenCV and albumentations, so where
they do not load it reads from the cache what a machine with the same versions has rendered.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable
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

Copies = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""Images [copies, n, 96, 96] and points [copies, n, 15, 2]."""
LIMIT_BYTES = 8_000_000_000
"""Size the cache is kept under unless said otherwise."""


def render(
    images: NDArray[np.uint8],
    points: NDArray[np.float32],
    rows: NDArray[np.int32],
    policy: Policy,
    seed: int,
    copies: int,
) -> Copies:
    """`copies` augmented versions of every face.

    images [n, 96, 96], points [n, 15, 2] with NaN where missing, rows [n] (``Faces.row``). Returns
    images [copies, n, 96, 96] and points [copies, n, 15, 2]. A copy depends on its seed, row and
    number alone: any subset of the faces, in any order and in any process, gives equal copies.
    Raises UserError where OpenCV or albumentations is missing.
    """
    shown = np.empty((copies, *images.shape), np.uint8)
    moved = np.empty((copies, *points.shape), np.float32)
    _render_into(shown, moved, images, points, rows, policy, seed)
    return shown, moved


def rendered(
    faces: Faces,
    policy: Policy,
    seed: int,
    copies: int,
    cache: Path | None,
    limit_bytes: int = LIMIT_BYTES,
) -> Copies:
    """The copies that `render` makes of these faces, from the folder `cache` where it has them.

    Cached copies are memory-mapped and read-only. A damaged file is noticed and rendered anew;
    the folder is kept under `limit_bytes`, least recently used first. A policy without steps
    gives views of the originals. Raises UserError where a rendering is missing from the cache and
    cannot be made here.
    """
    if not policy:
        return (
            np.broadcast_to(faces.images, (copies, *faces.images.shape)),
            np.broadcast_to(faces.points, (copies, *faces.points.shape)),
        )
    if cache is None:
        return render(faces.images, faces.points, faces.row, policy, seed, copies)
    key = _key(faces, policy, seed, copies)
    found = _read(cache, key, faces, copies)
    if found is None:
        _write(cache, key, faces, policy, seed, copies)
        found = _read(cache, key, faces, copies)
        if found is None:
            raise OSError(f"cannot read back the rendering just written to {cache}")
        # Only after opening: a mapped file survives its own deletion.
        keep_under(cache, limit_bytes)
    return found


def _render_into(
    shown: NDArray[np.uint8],
    moved: NDArray[np.float32],
    images: NDArray[np.uint8],
    points: NDArray[np.float32],
    rows: NDArray[np.int32],
    policy: Policy,
    seed: int,
) -> None:
    try:
        import cv2

        from fkd_core.augment.compose import compose, reseed
    except ImportError as error:
        raise UserError(
            f"rendering augmented copies needs OpenCV and albumentations ({error}); install them, "
            "or render on a machine that has them and bring its rendering cache here"
        ) from error
    pipeline = compose(policy)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # at 96 x 96 threads cost more than they give
    try:
        for copy in range(len(shown)):
            for face, row in enumerate(rows.tolist()):
                reseed(pipeline, seed, row, copy)
                result = pipeline(image=images[face], keypoints=points[face])
                shown[copy, face] = result["image"]
                moved[copy, face] = result["keypoints"]
    finally:
        cv2.setNumThreads(threads)


def rendering_version(
    policy: Policy, code: Code = CODE, version_of: Callable[[str], str] = version
) -> str:
    """Says which code and libraries decide what a rendering of this policy looks like."""
    named = {step.transform for step in policy.steps}
    reached = code.version({__name__, *rendering_of(named, code)})
    return json.dumps([reached, *(version_of(library) for library in RENDERING)])


def _key(faces: Faces, policy: Policy, seed: int, copies: int) -> str:
    parts = [policy.hash, faces.fingerprint, int(seed), copies, rendering_version(policy)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _paths(cache: Path, key: str) -> tuple[Path, Path, Path]:
    return cache / f"{key}.images.npy", cache / f"{key}.points.npy", cache / f"{key}.json"


def _write(cache: Path, key: str, faces: Faces, policy: Policy, seed: int, copies: int) -> None:
    """Renders straight into the files, so that no rendering has to fit in memory.

    Two processes at the same key write the same bytes, each aside; the later rename wins.
    """
    images_path, points_path, note_path = _paths(cache, key)
    with whole_file(images_path) as images_aside, whole_file(points_path) as points_aside:
        shown = _create(images_aside, (copies, *faces.images.shape), np.uint8)
        moved = _create(points_aside, (copies, *faces.points.shape), np.float32)
        _render_into(shown, moved, faces.images, faces.points, faces.row, policy, seed)
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
"""What this process has verified: (path, inode, size, time of change in ns, checksum)."""
TOUCH_SECONDS = 60
"""A use is marked this often at most, since marking makes other processes verify again."""


def _read(cache: Path, key: str, faces: Faces, copies: int) -> Copies | None:
    """The rendering mapped into memory, or None where it is missing or damaged."""
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
