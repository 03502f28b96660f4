"""Which images show one photograph: equal pixels, another crop, turn, size or light, or mirrored.

Such images share a group, and a split keeps groups whole. Pairs come from `duplicates.pairs` and
are joined from the most alike down; a join that would give a group of over `LARGEST_CLUSTER`
different images is made only where the pair's likeness leaves no doubt.

A wrong join costs little: both faces only stay on one side of a split.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fkd_core.data import array_cache
from fkd_core.data.duplicates import Pairs, pairs
from fkd_core.reach import CODE

LIKENESS = 0.94
"""Least likeness of two images that show one photograph."""
SURE = 0.985
"""Likeness from which images are joined however large their group becomes."""
LARGEST_CLUSTER = 10
"""Different images that a group may have where pairs are less than sure."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of N images."""

    group: NDArray[np.uint64]
    """[N] first 8 bytes of the smallest SHA-256 in the group: depends on pixels alone."""
    clusters: int
    """Groups that hold several different images."""
    left_apart: int
    """Pairs that were not joined, since their group would have become too large."""


def digests(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[N, 32] SHA-256 of each image's 9216 bytes, for images [N, 96, 96]."""
    whole = b"".join(hashlib.sha256(np.ascontiguousarray(image).data).digest() for image in images)
    return np.frombuffer(whole, np.uint8).reshape(-1, 32)


def group_images(images: NDArray[np.uint8], sha256: NDArray[np.uint8]) -> Groups:
    """Groups of images [N, 96, 96] with digests [N, 32]: all that show one photograph."""
    keys = [row.tobytes() for row in sha256]
    first: dict[bytes, int] = {}
    for position, key in enumerate(keys):
        first.setdefault(key, position)
    unique = sorted(first)  # so that neither row order nor copies can matter
    alike = pairs(images[[first[key] for key in unique]], LIKENESS)
    cluster = clusters(alike, len(unique))
    smallest: dict[int, bytes] = {}
    name = {
        key: int.from_bytes(smallest.setdefault(number, key)[:8], "big")
        for key, number in zip(unique, cluster.tolist(), strict=True)
    }
    return Groups(
        np.array([name[key] for key in keys], np.uint64),
        int((np.bincount(cluster) > 1).sum()),
        int((cluster[alike.left] != cluster[alike.right]).sum()),
    )


def photographs(
    images: NDArray[np.uint8], cache: Path, *, look_only: bool = False
) -> NDArray[np.uint64]:
    """[N] groups of images [N, 96, 96], by their pixels alone: see ``group_images``. They are kept
    below `cache`, under a hash of the pixels and the code; with `look_only` only looked for there.

    Raises UserError where the cache cannot be written.
    """
    sha256 = digests(images)
    name = hashlib.sha256(sha256.tobytes() + CODE.version({__name__}).encode()).hexdigest()
    entry = cache / f"groups-{name[:32]}"
    if (loaded := array_cache.load(entry)) is not None:
        return loaded[0]["group"]
    group = group_images(images, sha256).group
    if not look_only:
        array_cache.save(entry, {"group": group}, {})
    return group


def clusters(alike: Pairs, count: int) -> NDArray[np.intp]:
    """[count] number of each image's cluster, from pairs among that many images."""
    cluster = np.arange(count)
    members = {image: [image] for image in range(count)}
    order = np.lexsort((alike.right, alike.left, -alike.likeness))
    for pair in order.tolist():
        one, other = sorted(cluster[[alike.left[pair], alike.right[pair]]].tolist())
        size = len(members[one]) + len(members[other])
        if one != other and (size <= LARGEST_CLUSTER or alike.likeness[pair] >= SURE):
            cluster[members[other]] = one
            members[one] += members.pop(other)
    return cluster
