"""The competition's files: read, validated, cleaned, and cached by what they hold."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.archive import LOOKUP, SAMPLE, TEST, TRAINING, Stored, sha256_of
from fkd_core.data.cleaning import clean
from fkd_core.data.corrections import Corrections, read_corrections
from fkd_core.data.faces import Faces
from fkd_core.data.file_cache import Arrays, cached
from fkd_core.data.grouping import digests
from fkd_core.data.identity import identity_note, known
from fkd_core.data.locating import find
from fkd_core.data.parsing import Parsed, parse_images, parse_lookup, parse_sample
from fkd_core.data.plausible import shows_something
from fkd_core.errors import UserError
from fkd_core.keypoints import COLUMNS
from fkd_core.reach import code_version
from fkd_core.sources import SOURCES

_FACES = ("images", "points", "source", "group", "row")


@dataclass(frozen=True, eq=False)
class Lookup:
    """The R coordinates a submission must give, in the file's order."""

    row_id: NDArray[np.int32]
    """[R] what a submission calls each of them."""
    image_id: NDArray[np.int32]
    """[R] ImageId of the test image."""
    keypoint: NDArray[np.int8]
    """[R] index into KEYPOINTS."""
    axis: NDArray[np.int8]
    """[R] 0 for x, 1 for y."""


@dataclass(frozen=True, eq=False)
class Competition:
    """Everything the competition's files say; arrays are read-only, large ones memory-mapped."""

    training: Faces
    """Cleaned, merged and grouped."""
    test_images: NDArray[np.uint8] | None
    """[M, 96, 96], None without test.csv."""
    test_ids: NDArray[np.int32] | None
    """[M] ImageIds in the file's order; they may have gaps."""
    lookup: Lookup | None
    """None without IdLookupTable.csv."""
    notes: tuple[str, ...]
    """Sentences to show: which files are official; what was merged, dropped, corrected."""

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the files that a submission wants and that are not there."""
        there = {TEST: self.test_ids, LOOKUP: self.lookup}
        return tuple(name for name, found in there.items() if found is None)


def load_competition(
    path: Path, cache: Path, corrections: Path | None = None, *, look_only: bool = False
) -> Competition:
    """The competition in a folder or archive; only training.csv must be there.

    Validates every file present. What was read and cleaned is kept below `cache`, under a hash of
    the files, the corrections and this package's code, so that a second call takes 0.1 s; with
    `look_only` it is only looked for there.
    Raises UserError, naming file, row and column, for anything wrong in what was given.
    """
    keep = partial(cached, cache=cache, look_only=look_only)
    located = find(path)
    files = located.files
    table = None if corrections is None else read_corrections(corrections)
    notes = list(located.notes)

    lookup, requested = None, None
    if LOOKUP in files:
        found = keep(files[LOOKUP], make=_lookup)
        fields = dict(found.arrays)
        asked_in = fields.pop("row")
        lookup = Lookup(**fields)
        requested = lookup.row_id
        notes += found.notes
    test_images = test_ids = test_pixels = None
    if TEST in files:
        found = keep(files[TEST], make=_test)
        test_images, test_ids, test_pixels = (found.arrays[n] for n in ("images", "ids", "pixels"))
        if lookup is not None:
            _check_lookup(files[LOOKUP].name, lookup, asked_in, test_ids)
            notes += _unasked(test_ids[~np.isin(test_ids, lookup.image_id)])
        notes += found.notes
    if SAMPLE in files:
        found = keep(files[SAMPLE], make=_sample)
        _check_sample(files[SAMPLE].name, **found.arrays, requested=requested)
        notes += found.notes
    further = {name: files[s.file] for name, s in SOURCES.items() if s.file in files}
    found = keep(
        files[TRAINING],
        make=lambda stored: _training(stored, table, further),
        more="\n".join(["" if table is None else table.sha256, *map(_version, further.items())]),
    )
    if test_ids is not None and test_pixels is not None:
        notes += _copies(test_ids[np.isin(test_pixels, found.arrays["pixels"])])
    training = Faces(**{name: found.arrays[name] for name in _FACES})
    return Competition(training, test_images, test_ids, lookup, (*found.notes, *notes))


def _training(
    stored: Stored, corrections: Corrections | None, further: Mapping[str, Stored]
) -> Arrays:
    parsed = parse_images(stored, (*COLUMNS, "Image"))
    bad = known(TRAINING, parsed.sha256).bad_rows
    images, points = [parsed.images], [parsed.points]
    told = [np.full(len(parsed.images), -1, np.int8)]
    for name, file in further.items():
        read = SOURCES[name].read
        assert read is not None  # a source with a file has a reader
        own = read(file)
        images.append(own[0])
        points.append(own[1])
        told.append(np.full(len(own[0]), [*SOURCES].index(name), np.int8))
    faces, notes = clean(
        np.concatenate(images), np.concatenate(points), bad, corrections, np.concatenate(told)
    )
    arrays = {name: getattr(faces, name) for name in _FACES} | {"pixels": _pixels(faces.images)}
    return Arrays(arrays, (_identity(stored, parsed), *notes))


def _pixels(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """[N] a number for the pixels of each image [N, 96, 96]: of its SHA-256, the first 8 bytes."""
    return np.ascontiguousarray(digests(images)[:, :8]).view(np.uint64)[:, 0]


def _copies(ids: NDArray[np.int32]) -> list[str]:
    """A sentence on the test images that equal training images, if there are any."""
    if not len(ids):
        return []
    return [
        f"{len(ids)} test images equal training images (ImageId {_few(ids)}): no label is copied "
        "across."
    ]


def _unasked(ids: NDArray[np.int32]) -> list[str]:
    """A sentence on the test images of which no coordinate is requested, if there are any."""
    if not len(ids):
        return []
    return [
        f"{LOOKUP} asks nothing of {len(ids)} test images (ImageId {_few(ids)}): is it cut short?"
    ]


def _few(ids: NDArray[np.int32]) -> str:
    return ", ".join(map(str, ids[:5].tolist())) + (", ..." if len(ids) > 5 else "")


def _version(further: tuple[str, Stored]) -> str:
    """Of what a source's reader makes of its file: changes with the file and the reader's code."""
    name, stored = further
    read = SOURCES[name].read
    assert read is not None
    code = code_version(Path(inspect.getfile(read)))
    return " ".join((name, sha256_of(stored.container), *stored.members, code))


def _test(stored: Stored) -> Arrays:
    parsed = parse_images(stored, ("ImageId", "Image"))
    notes = [_identity(stored, parsed)]
    if blank := parsed.ids[~shows_something(parsed.images)].tolist():
        if len(blank) == len(parsed.ids):
            raise UserError(
                f"{stored.name}: all pictures are of one colour; were their pixels lost?"
            )
        first = ", ".join(map(str, blank[:5]))
        notes.append(f"{len(blank)} test images are of one colour, such as {first}.")
    pixels = _pixels(parsed.images)
    return Arrays({"images": parsed.images, "ids": parsed.ids, "pixels": pixels}, tuple(notes))


def _lookup(stored: Stored) -> Arrays:
    arrays, sha256 = parse_lookup(stored)
    return Arrays(arrays, (identity_note(LOOKUP, sha256),))


def _sample(stored: Stored) -> Arrays:
    arrays, sha256 = parse_sample(stored)
    return Arrays(arrays, (identity_note(SAMPLE, sha256),))


def _identity(stored: Stored, parsed: Parsed) -> str:
    return identity_note(stored.role, parsed.sha256)


def _check_lookup(
    name: str, lookup: Lookup, row: NDArray[np.int32], test_ids: NDArray[np.int32]
) -> None:
    absent = np.flatnonzero(~np.isin(lookup.image_id, test_ids))
    if len(absent):
        raise UserError(
            f"{name}, row {row[absent[0]]}, column ImageId: {lookup.image_id[absent[0]]} is no "
            f"image of {TEST}; do both files belong together?"
        )


def _check_sample(
    name: str,
    row_id: NDArray[np.int32],
    row: NDArray[np.int32],
    requested: NDArray[np.int32] | None,
) -> None:
    if requested is None:
        return
    strange = np.flatnonzero(~np.isin(row_id, requested))
    if len(strange):
        raise UserError(
            f"{name}, row {row[strange[0]]}, column RowId: {row_id[strange[0]]} is not in {LOOKUP}"
        )
    if len(row_id) != len(requested):
        lost = np.setdiff1d(requested, row_id)[0]
        raise UserError(f"{name}: RowId {lost} of {LOOKUP} is missing; is the file cut short?")
