"""The competition's CSV files as arrays, each value checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.archive import TRAINING, Stored, chunks
from fkd_core.data.pixels import PIXELS, parse_pixels
from fkd_core.data.tables import Table, shown
from fkd_core.errors import UserError, did_you_mean
from fkd_core.keypoints import COLUMNS, IMAGE_SIZE, KEYPOINTS

_BLOCK = 256
_DARK = 15
"""Gray level that no photograph of many stays below."""


@dataclass(frozen=True, eq=False)
class Parsed:
    """The N rows of training.csv or test.csv."""

    images: NDArray[np.uint8]
    """[N, 96, 96]"""
    points: NDArray[np.float32]
    """[N, 15, 2] NaN where the cell is empty; [N, 0, 2] for a file without coordinates."""
    ids: NDArray[np.int32]
    """[N] ImageIds; [0] for a file without them."""
    sha256: str
    """Of the unpacked file (hex)."""


class _Hashed:
    """Chunks on their way to a table, hashed as they pass."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in chunks(self._stored):
            self._digest.update(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def parse_images(stored: Stored, columns: Sequence[str]) -> Parsed:
    """The images of a file with these columns, which it may have in any order.

    Raises UserError for pixels, coordinates or ImageIds that are wrong, missing or doubled, and
    for pixels that were scaled.
    """
    text = _Hashed(stored)
    table = Table(stored.name, text, columns, values=("Image", PIXELS))
    image_at = table.place("Image")
    id_at = table.place("ImageId") if "ImageId" in columns else None
    coordinates = [(name, table.place(name)) for name in COLUMNS if name in columns]
    blocks: list[NDArray[np.uint8]] = []
    points: list[list[float]] = []
    ids: dict[int, int] = {}
    for count, (row, cells) in enumerate(table.rows()):
        points.append(_coordinates(table, row, cells, coordinates))
        if id_at is not None:
            _add_id(table, row, "ImageId", cells[id_at], ids)
        if count % _BLOCK == 0:
            blocks.append(np.empty((_BLOCK, PIXELS), np.uint8))
        try:
            blocks[-1][count % _BLOCK] = parse_pixels(cells[image_at].strip())
        except ValueError as error:
            raise table.error(row, "Image", str(error)) from error
    images = np.concatenate(blocks)[: len(points)]
    if (brightest := images.max()) <= _DARK and (images != images[:, :1]).any():
        raise UserError(
            f"{stored.name}: all pixels are {brightest} or less, of 255; were they scaled? Save "
            "gray levels 0..255"
        )
    return Parsed(
        images.reshape(-1, IMAGE_SIZE, IMAGE_SIZE),
        np.array(points, np.float32).reshape(len(points), -1, 2),
        np.fromiter(ids, np.int32, len(ids)),
        text.sha256,
    )


def parse_lookup(stored: Stored) -> tuple[dict[str, NDArray[Any]], str]:
    """Arrays [R] row_id, image_id, keypoint, axis and row (in the file, for messages) of
    IdLookupTable.csv, and its SHA-256.

    Raises UserError for a doubled RowId, an image's coordinate that is asked for twice, an unknown
    FeatureName or anything but whole numbers.
    """
    text = _Hashed(stored)
    columns = ("RowId", "ImageId", "FeatureName", "Location")
    table = Table(stored.name, text, columns, last_may_lack=True)
    at = [table.place(name) for name in columns]
    features = {name.encode(): place for place, name in enumerate(COLUMNS)}
    row_ids: dict[int, int] = {}
    asked: dict[tuple[int, int], int] = {}
    for row, cells in table.rows():
        _add_id(table, row, "RowId", cells[at[0]], row_ids)
        image = table.whole(row, "ImageId", cells[at[1]])
        name = cells[at[2]].strip()
        if name not in features:
            meant = did_you_mean(name.decode("utf-8", "replace"), COLUMNS)
            problem = f"{shown(name)} is none of the {len(KEYPOINTS)} keypoints' _x and _y"
            advice = f"{meant}write it as {TRAINING} does"
            raise table.error(row, "FeatureName", f"{problem}; {advice}")
        first = asked.setdefault((image, features[name]), row)
        if first != row:
            problem = f"{name.decode()} of image {image} is asked for in row {first} already"
            raise table.error(row, "FeatureName", problem)
        table.number(row, "Location", cells[at[3]])
    image_id, feature = np.array(list(asked), np.int32).T
    arrays: dict[str, NDArray[Any]] = {
        "row_id": np.fromiter(row_ids, np.int32, len(row_ids)),
        "image_id": image_id,
        "keypoint": (feature // 2).astype(np.int8),
        "axis": (feature % 2).astype(np.int8),
        "row": np.fromiter(asked.values(), np.int32, len(asked)),
    }
    return arrays, text.sha256


def parse_sample(stored: Stored) -> tuple[dict[str, NDArray[Any]], str]:
    """Arrays [R] row_id and row (in the file, for messages) of SampleSubmission.csv, and its
    SHA-256; UserError where a RowId is doubled."""
    text = _Hashed(stored)
    table = Table(stored.name, text, ("RowId", "Location"))
    id_at, location_at = table.place("RowId"), table.place("Location")
    row_ids: dict[int, int] = {}
    for row, cells in table.rows():
        _add_id(table, row, "RowId", cells[id_at], row_ids)
        table.number(row, "Location", cells[location_at])
    rows = np.fromiter(row_ids.values(), np.int32, len(row_ids))
    return {"row_id": np.fromiter(row_ids, np.int32, len(row_ids)), "row": rows}, text.sha256


def _add_id(table: Table, row: int, column: str, cell: bytes, ids: dict[int, int]) -> None:
    value = table.whole(row, column, cell)
    if value in ids:
        raise table.error(row, column, f"{value} stands in row {ids[value]} already")
    ids[value] = row


def _coordinates(
    table: Table, row: int, cells: list[bytes], wanted: list[tuple[str, int]]
) -> list[float]:
    return [
        table.coordinate(row, name, cells[at]) if cells[at] else float("nan")
        for name, at in wanted
    ]
