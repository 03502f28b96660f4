"""Which images show the same photograph: equal pixels, and near-duplicates.

Two images are near-duplicates where both hold:

- their perceptual hashes differ in at most 12 of 64 bits. A hash tells which of the 64 lowest
  frequencies of the image's cosine transform (without the constant) lie above their median, after
  Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010);
- their 32 x 32 thumbnails correlate at 0.90 or more.

Chosen by looking at pairs among 6,888 different photographs of faces. The hash alone will not do:
with 6 bits most pairs are already different people in a like pose while true ones are missed, and
with 10 a chain joins 464 faces. With the correlation, 36 pairs are left and about half of them are
one photograph in another contrast, blur or crop; nearly all that were seen at any distance are
among them. A wrong join costs little: both faces only stay on one side of a split.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

BITS_APART = 12
"""Bits in which near-duplicates' hashes may differ; always even, as half the bits are set."""
CORRELATION = 0.90
"""Least correlation of near-duplicates' thumbnails."""
LARGEST_CLUSTER = 10
"""Different images that a cluster may have; in a larger one, only equal pixels make a group."""

_THUMB = 32
_BLOCK = 512
_LOW = sorted(
    ((u, v) for u in range(11) for v in range(11) if u + v), key=lambda f: (f[0] + f[1], f)
)[:64]


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of N images."""

    group: NDArray[np.uint64]
    """[N] first 8 bytes of the smallest SHA-256 in the group: depends on pixels alone."""
    clusters: int
    """Groups that hold several different images."""
    refused: int
    """Clusters that were too large, and fell back to equal pixels."""


def digests(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[N, 32] SHA-256 of each image's 9216 bytes, for images [N, 96, 96]."""
    whole = b"".join(hashlib.sha256(np.ascontiguousarray(image).data).digest() for image in images)
    return np.frombuffer(whole, np.uint8).reshape(-1, 32)


def group_images(images: NDArray[np.uint8], sha256: NDArray[np.uint8]) -> Groups:
    """Groups of images [N, 96, 96] with digests [N, 32]: exact copies and near-duplicates."""
    keys = [row.tobytes() for row in sha256]
    first: dict[bytes, int] = {}
    for position, key in enumerate(keys):
        first.setdefault(key, position)
    unique = sorted(first)  # so that neither row order nor copies can matter
    cluster = near_duplicates(images[[first[key] for key in unique]])
    sizes = np.bincount(cluster)
    smallest: dict[int, bytes] = {}
    name: dict[bytes, int] = {}
    for key, number in zip(unique, cluster.tolist(), strict=True):
        if sizes[number] > LARGEST_CLUSTER:
            name[key] = int.from_bytes(key[:8], "big")
        else:
            name[key] = int.from_bytes(smallest.setdefault(number, key)[:8], "big")
    return Groups(
        np.array([name[key] for key in keys], np.uint64),
        int(((sizes > 1) & (sizes <= LARGEST_CLUSTER)).sum()),
        int((sizes > LARGEST_CLUSTER).sum()),
    )


def near_duplicates(images: NDArray[np.uint8]) -> NDArray[np.int32]:
    """[N] cluster number of each image [N, 96, 96]; chains of near-duplicates are one cluster."""
    thumbs = _thumbnails(images)
    hashes = perceptual_hashes(thumbs)
    unit = thumbs - thumbs.mean(axis=(1, 2), keepdims=True)
    unit = unit.reshape(len(unit), -1)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-6)
    left, right = [], []
    for start in range(0, len(hashes), _BLOCK):
        block = slice(start, start + _BLOCK)
        apart = np.bitwise_count(hashes[block, None] ^ hashes[None, start:])
        i, j = np.nonzero(apart <= BITS_APART)
        i, j = i[i < j] + start, j[i < j] + start
        if len(i) > 10 * _BLOCK:  # many alike: one matrix product costs less than pair by pair
            alike = (unit[block] @ unit[start:].T)[i - start, j - start]
        else:
            alike = np.einsum("nd,nd->n", unit[i], unit[j])
        left.append(i[alike >= CORRELATION])
        right.append(j[alike >= CORRELATION])
    pair = (np.concatenate(left), np.concatenate(right))
    graph = coo_matrix((np.ones(len(pair[0]), np.int8), pair), shape=(len(images), len(images)))
    cluster: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return cluster


def perceptual_hashes(thumbs: NDArray[np.float32]) -> NDArray[np.uint64]:
    """[N] 64-bit hashes of thumbnails [N, 32, 32]."""
    hashes = np.empty(len(thumbs), np.uint64)
    u, v = np.array(_LOW).T
    for start in range(0, len(thumbs), _BLOCK):
        low = dctn(thumbs[start : start + _BLOCK], axes=(1, 2))[:, u, v]
        bits = low > np.median(low, axis=1, keepdims=True)
        packed = np.ascontiguousarray(np.packbits(bits, axis=1))
        hashes[start : start + _BLOCK] = packed.view(">u8")[:, 0]
    return hashes


def _thumbnails(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[N, 32, 32] sums over 3 x 3 pixels."""
    thumbs = np.empty((len(images), _THUMB, _THUMB), np.float32)
    for start in range(0, len(images), _BLOCK):
        wide = images[start : start + _BLOCK].astype(np.uint16)
        tall = wide[:, 0::3] + wide[:, 1::3] + wide[:, 2::3]
        thumbs[start : start + _BLOCK] = tall[:, :, 0::3] + tall[:, :, 1::3] + tall[:, :, 2::3]
    return thumbs
