"""The submission: in whose style each image is answered, the merge, and the file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.archive import LOOKUP
from fkd_core.data.kaggle import Lookup
from fkd_core.errors import UserError
from fkd_core.files import whole_file
from fkd_core.keypoints import IMAGE_SIZE, KEYPOINTS
from fkd_core.sources import JOINT, SOURCES, recognised

HEADER = ("RowId", "Location")
_DIGITS = 6


def route(lookup: Lookup) -> dict[int, str]:
    """ImageId of every requested image to the source in whose style it is answered: the one that
    is recognised by the keypoints that are requested of the image, as by a row's labels.
    """
    names = [*SOURCES]
    rows = zip(lookup.image_id.tolist(), _answering(lookup).tolist(), strict=True)
    return {image: names[source] for image, source in rows}


def requested_share(lookup: Lookup) -> dict[str, int]:
    """Source to the number of requested coordinates that are answered in its style."""
    counts = np.bincount(_answering(lookup), minlength=len(SOURCES))
    return dict(zip(SOURCES, counts.tolist(), strict=True))


def requested(
    lookup: Lookup | None, truth: Mapping[str, NDArray[np.floating]]
) -> Mapping[str, float]:
    """How much each source weighs, by their labels [n, p, 2]: the coordinates that the competition
    requests of it, or, where nobody says or it requests none of these, those that are labelled."""
    if lookup is not None:
        asked = requested_share(lookup)
        if any(asked[name] for name in truth):
            return asked
    return {name: float(np.isfinite(points).sum()) for name, points in truth.items()}


def covered(lookup: Lookup | None, sources: Collection[str]) -> float | None:
    """Which share of the coordinates that the competition requests is answered as faces of these
    sources are; None where nobody says what it requests."""
    if lookup is None:
        return None
    asked = requested_share(lookup)
    return sum(asked[name] for name in sources) / sum(asked.values())


def obstacle(
    lookup: Lookup | None,
    sources: Collection[str],
    annotators: Collection[str],
    borrow: bool = False,
    absent: Collection[str] = (),
) -> str:
    """Why predictions in the styles of these sources make no submission, in a sentence; empty
    where they do. `annotators` are the sources of which there are labelled faces; `absent` names
    the files that a submission wants and that are not there.

    An image whose own source is not among them wants `borrow`, and that another one marks all
    that is requested of it.
    """
    if absent or lookup is None:
        return f"No {' and '.join(absent or [LOOKUP])}, so no submission."
    lacking = {
        source: images
        for source, images in Counter(route(lookup).values()).items()
        if source not in sources
    }
    if not lacking:
        return ""
    possible = bool((_answering(lookup, sources) >= 0).all())
    if borrow and possible:
        return ""
    images = " and ".join(f"{n} images in {name}'s style" for name, n in lacking.items())
    said = f"No submission: no member answers {images}."
    unlabelled = [name for name in lacking if name not in annotators]
    ways = [f"train --pipelines {' '.join(SOURCES)}, or {JOINT}"] if not unlabelled else []
    if unlabelled:
        said += f" No training face has labels of {' or '.join(unlabelled)}."
    if possible:
        ways.append("--other-style answers them in another's, whose points lie elsewhere")
    return f"{said} For one, {'; or '.join(ways)}." if ways else said


def merged(
    lookup: Lookup,
    test_ids: NDArray[np.integer],
    predictions: Mapping[str, NDArray[np.floating]],
) -> NDArray[np.float64]:
    """[R] requested locations in px in the lookup's order, clipped to [0, 96].

    `predictions` maps sources to points [m, p, 2] in px of the test images `test_ids` [m]. Where
    the one that should answer is missing, another that is recognised as well does: `complete`
    answers everything.

    Raises UserError where nothing given answers an image; ValueError for an unknown source, a
    wrong shape, an image that was not predicted, or a prediction that is not finite.
    """
    for name, points in predictions.items():
        if name not in SOURCES:
            raise ValueError(f"there is no source {name!r}")
        wanted = (len(test_ids), len(SOURCES[name].keypoints), 2)
        if points.shape != wanted:
            raise ValueError(f"{name} predictions have shape {points.shape}, wanted {wanted}")
    answering = _answering(lookup, predictions)
    if (answering < 0).any():
        raise UserError(
            f"{LOOKUP}: {_few(np.unique(lookup.image_id[answering < 0]))} need keypoints that no "
            f"part of the ensemble predicts; run with --pipelines {' '.join(SOURCES)}, or {JOINT}"
        )
    place = {image: position for position, image in enumerate(test_ids.tolist())}
    if lost := set(lookup.image_id.tolist()) - place.keys():
        raise ValueError(f"no predictions of requested image {min(lost)}")
    image = np.array([place[number] for number in lookup.image_id.tolist()], np.intp)

    locations = np.empty(len(lookup.row_id))
    for number, source in enumerate(SOURCES.values()):
        rows = answering == number
        if rows.any():
            points = np.full((len(test_ids), len(KEYPOINTS), 2), np.nan)
            points[:, list(source.keypoints)] = predictions[source.name]
            locations[rows] = points[image[rows], lookup.keypoint[rows], lookup.axis[rows]]
    bad = np.flatnonzero(~np.isfinite(locations))
    if len(bad):
        raise ValueError(
            f"image {lookup.image_id[bad[0]]}, {KEYPOINTS[lookup.keypoint[bad[0]]]}: the "
            f"prediction is {locations[bad[0]]}"
        )
    return np.clip(locations, 0.0, float(IMAGE_SIZE))


def write_submission(path: Path, lookup: Lookup, locations: NDArray[np.float64]) -> None:
    """Writes locations [R] in px as ``RowId,Location``, rows in the lookup's order.

    The file is read back and compared before it takes its name: whatever happens, `path` holds
    the whole submission or what it held before. Numbers have 6 decimals and no exponent.

    Raises ValueError unless there is one finite location in [0, 96] a request and no RowId is
    requested twice; UserError where the file can't be written.
    """
    row_ids = lookup.row_id.tolist()
    if locations.shape != (len(row_ids),):
        raise ValueError(f"{len(row_ids)} locations are requested, not {locations.shape}")
    if len(set(row_ids)) != len(row_ids):
        raise ValueError("a RowId is requested twice")
    bad = np.flatnonzero(~((locations >= 0) & (locations <= IMAGE_SIZE)))
    if len(bad):
        raise ValueError(
            f"RowId {row_ids[bad[0]]}: location {locations[bad[0]]} is not in [0, {IMAGE_SIZE}]"
        )
    cells = [f"{location:z.{_DIGITS}f}" for location in locations.tolist()]  # z: 0, never -0
    lines = [f"{row},{cell}" for row, cell in zip(row_ids, cells, strict=True)]
    try:
        with whole_file(path) as aside:
            aside.write_text("\n".join((",".join(HEADER), *lines, "")), "utf-8", newline="\n")
            if not _holds(aside, row_ids, locations):
                raise OSError("it does not hold what was written")
    except OSError as error:
        raise UserError(
            f"{path} can't be written ({error.strerror or error}); free the disk, or give another "
            "folder"
        ) from error


def _answering(lookup: Lookup, among: Collection[str] | None = None) -> NDArray[np.int8]:
    """[R] index into SOURCES of who answers the image of each row: see ``sources.recognised``."""
    images, image = np.unique(lookup.image_id, return_inverse=True)
    requested = np.zeros((len(images), len(KEYPOINTS)), np.bool_)
    requested[image, lookup.keypoint] = True
    return recognised(requested, among)[image]


def _holds(path: Path, row_ids: list[int], locations: NDArray[np.float64]) -> bool:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        found = [(int(row), float(location)) for row, location in rows]
    except (ValueError, csv.Error):
        return False
    return (
        tuple(header) == HEADER
        and [row for row, _ in found] == row_ids
        and np.allclose([location for _, location in found], locations, rtol=0, atol=10**-_DIGITS)
    )


def _few(images: NDArray[np.integer]) -> str:
    shown = ", ".join(map(str, images[:5].tolist()))
    more = f" and {len(images) - 5} more" if len(images) > 5 else ""
    return f"ImageId {shown}{more}"
