"""Photo after photo: read, searched, predicted, drawn and kept, a few of them in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fkd_core.errors import UserError
from fkd_core.photos.detector import SMALLEST
from fkd_core.photos.faces import Face, Predict, Spotted, marked, spotted
from fkd_core.photos.overlay import drawn, write_drawn
from fkd_core.photos.reading import Colour, frames_of, gray, shown
from fkd_core.photos.records import Journal, Record, Shot, picture_name
from fkd_core.sources import Source

_WAITING = 60_000_000
"""Pixels of photos that wait for one call of the predictor."""

Say = Callable[[str], object]


@dataclass(frozen=True, eq=False)
class Annotator:
    """Finds and draws the faces of photos."""

    predict: Predict
    source: Source
    out: Path
    """Folder of the drawn pictures and of the journal."""
    journal: Journal
    sure: float
    """How sure a face must be, 0 to 1."""
    every: int | None
    """Every so many frames of a film are shown; None for its first."""
    say: Say
    left_out: list[Path] = field(default_factory=list)
    """Files that could not be read."""

    def run(self, stems: Mapping[Path, str]) -> Iterator[Record]:
        """What is found in each file, by what its pictures are called; each record is kept before
        it is given.

        Photos wait for one another as long as the predictor last took, since it reads all its
        weights at every call: the first one is told at once.
        """
        waiting: list[tuple[Shot, Colour, Spotted]] = []
        began, took = time.monotonic(), 0.0
        for shot, photo in self._shots([*stems]):
            known = self.journal.known(shot, picture_name(stems[shot.file], shot.frame))
            if known is not None:
                yield known
                continue
            waiting.append((shot, photo, spotted(gray(photo), self.sure)))
            pixels = sum(photo.shape[0] * photo.shape[1] for _, photo, _ in waiting)
            if time.monotonic() - began >= took or pixels >= _WAITING:
                began = time.monotonic()
                yield from self._kept(waiting, stems)
                waiting = []
                took, began = time.monotonic() - began, time.monotonic()
        yield from self._kept(waiting, stems)

    def _shots(self, files: list[Path]) -> Iterator[tuple[Shot, Colour]]:
        for file in files:
            try:
                for frame, photo in frames_of(file, self.every):
                    yield Shot(file, frame), photo
            except UserError as wrong:
                self._leave_out(file, str(wrong))
            except OSError as wrong:
                self._leave_out(file, f"{shown(file)} cannot be opened ({wrong.strerror})")

    def _leave_out(self, file: Path, why: str) -> None:
        self.left_out.append(file)
        self.say(f"{why}; left out")

    def _kept(
        self, waiting: list[tuple[Shot, Colour, Spotted]], stems: Mapping[Path, str]
    ) -> Iterator[Record]:
        photos = [gray(photo) for _, photo, _ in waiting]
        faces = marked(photos, [spots for *_, spots in waiting], self.predict, self.source)
        for (shot, photo, _), own in zip(waiting, faces, strict=True):
            record = Record(shot, own, self._drawn(shot, photo, own, stems[shot.file]))
            self.journal.add(record)
            yield record

    def _drawn(self, shot: Shot, photo: Colour, faces: list[Face], stem: str) -> str | None:
        if not faces:
            small = min(photo.shape[:2]) < SMALLEST
            why = f"too small to find a face in, under {SMALLEST} pixels a side"
            self.say(f"{shot}: {why if small else 'no face found'}")
            return None
        name = picture_name(stem, shot.frame)
        write_drawn(self.out / name, drawn(photo, faces, self.source))
        where = shown(self.out / name)
        self.say(f"{shot}: {len(faces)} face{'s' * (len(faces) > 1)}, drawn in {where}")
        return name
