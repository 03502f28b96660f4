"""What was found in each photo: kept line by line as it is found, and told in two tables."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fkd_core.files import write_text
from fkd_core.keypoints import KEYPOINTS
from fkd_core.photos.faces import Face
from fkd_core.photos.frames import Frame
from fkd_core.photos.reading import STANDARD_INPUT, shown
from fkd_core.sources import Source
from fkd_core.tables import table_text

JOURNAL = "keypoints.jsonl"
_LONGEST = 200
"""Bytes of a picture's name; file systems take 255, with its ending and that of a part."""


@dataclass(frozen=True)
class Shot:
    """An image file, or one frame of a film."""

    file: Path
    frame: int | None = None

    def __str__(self) -> str:
        file = shown(self.file)
        return file if self.frame is None else f"{file}, frame {self.frame}"


@dataclass(frozen=True, eq=False)
class Record:
    """What was found in one shot."""

    shot: Shot
    faces: Sequence[Face]
    picture: str | None
    """Name of the drawn picture; None without a face."""


def picture_stems(files: Sequence[Path]) -> dict[Path, str]:
    """What each file's pictures are called; a number tells equal names apart, in the order.

    The end of a name that leaves no room for what is added to it is left out.
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for file in files:
        stem = "input" if file == STANDARD_INPUT else _within(file.stem, _LONGEST)
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names[file] = name
    return names


def _within(name: str, most: int) -> str:
    """As much of a name from its beginning as has at most so many bytes."""
    while len(os.fsencode(name)) > most:
        name = name[:-1]
    return name


def picture_name(stem: str, frame: int | None) -> str:
    """The file name of a drawn shot."""
    return f"{stem}-keypoints.png" if frame is None else f"{stem}-{frame:05}-keypoints.png"


class Journal:
    """The records of a folder, one line each, so that a run that was stopped goes on.

    A line counts as long as its file has the size and date it had, its picture is there under the
    name it would have now, and all were found in the same way.
    """

    def __init__(self, folder: Path, way: Mapping[str, Any]) -> None:
        """`way` says what the records hang on besides the files: JSON, compared as a whole."""
        self._folder, self._path = folder, folder / JOURNAL
        self._lines: dict[tuple[str, int | None], dict[str, Any]] = {}
        head = {"way": dict(way)}
        lines = [head]
        for number, line in enumerate(self._read()):
            if number == 0 and line != head:
                break
            if number and {"file", "frame", "stamp", "picture", "faces"} <= line.keys():
                self._lines[line["file"], line["frame"]] = line
                lines.append(line)
        write_text(self._path, "".join(json.dumps(line) + "\n" for line in lines))

    def _read(self) -> list[dict[str, Any]]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return []
        found = []
        for line in text.splitlines():
            try:
                value = json.loads(line)
            except ValueError:  # the run was killed here
                break
            found.append(value if isinstance(value, dict) else {})
        return found

    def known(self, shot: Shot, picture: str) -> Record | None:
        """What an earlier run found in it."""
        line = self._lines.get((_name(shot.file), shot.frame))
        if line is None or line["stamp"] is None or line["stamp"] != _stamp(shot.file):
            return None
        if line["faces"] and not (line["picture"] == picture and self._drawn(picture)):
            return None
        return Record(shot, [_face(told) for told in line["faces"]], line["picture"])

    def _drawn(self, picture: str) -> bool:
        return (self._folder / picture).is_file()

    def add(self, record: Record) -> None:
        """Keeps a record; its picture is there already."""
        line = {
            "file": _name(record.shot.file),
            "frame": record.shot.frame,
            "stamp": _stamp(record.shot.file),
            "picture": record.picture,
            "faces": [_told(face) for face in record.faces],
        }
        with open(self._path, "a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")


def _name(file: Path) -> str:
    return str(file.absolute())


def _stamp(file: Path) -> list[int] | None:
    """Size and date; None for what has none, which is never known again."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns]


def _told(face: Face) -> dict[str, Any]:
    frame = face.frame
    return {
        "frame": [frame.x, frame.y, frame.step, frame.roll],
        "score": face.score,
        "points": face.points.tolist(),
    }


def _face(told: dict[str, Any]) -> Face:
    return Face(Frame(*told["frame"]), told["score"], np.array(told["points"], np.float64))


def table(records: Sequence[Record], source: Source) -> str:
    """CSV of the faces of each shot: file, frame of a film, face from 1, style, keypoint, x, y in
    photo pixels."""
    columns = ("file", "frame", "face", "style", "keypoint", "x", "y")
    rows = [
        (
            record.shot.file, record.shot.frame, number, source.name, KEYPOINTS[keypoint],
            round(float(x), 3), round(float(y), 3),
        )
        for record in records
        for number, face in enumerate(record.faces, start=1)
        for keypoint, (x, y) in zip(source.keypoints, face.points, strict=True)
    ]  # fmt: skip
    return table_text([dict(zip(columns, row, strict=True)) for row in rows], columns)


def listing(records: Sequence[Record], source: Source) -> str:
    """The same as JSON, with what the table leaves out: each face's square and score, the
    picture that was drawn, and the shots without a face.

    A square is told as it lies before it is turned about its centre by its roll, in degrees,
    clockwise as seen.
    """

    def face(of: Face) -> dict[str, Any]:
        (left, top), *_ = Frame(of.frame.x, of.frame.y, of.frame.step).corners()
        box = {"left": float(left), "top": float(top), "side": of.frame.side}
        points = zip(source.keypoints, of.points, strict=True)
        return {
            "box": {name: round(value, 3) for name, value in box.items()},
            "roll": round(of.frame.roll, 3),
            "score": None if of.score is None else round(of.score, 3),
            "points": {KEYPOINTS[k]: [round(float(v), 3) for v in point] for k, point in points},
        }

    def told(record: Record) -> dict[str, Any]:
        own: dict[str, Any] = {"file": str(record.shot.file)}
        if record.shot.frame is not None:
            own["frame"] = record.shot.frame
        return own | {"picture": record.picture, "faces": [face(one) for one in record.faces]}

    head = {"pipeline": source.name, "unit": "photo pixels, 0 at the centre of the first"}
    return json.dumps(head | {"files": [*map(told, records)]}, indent=1) + "\n"
