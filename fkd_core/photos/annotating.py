"""Photo after photo: read, searched, predicted, drawn and kept, a few of them in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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

_STARTING = 10.0
"""Seconds, about, that the first prediction takes."""

Say = Callable[[str], object]
_New = tuple[Shot, Colour, Spotted]
"""What no earlier run has found."""


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
    step: Callable[[str, float], object] = lambda what, seconds: None
    """Is told what is done next, and about how many seconds that takes."""

    def run(self, stems: Mapping[Path, str]) -> Iterator[Record]:
        """What is found in each file, by what its pictures are called, in their order; each record
        is kept before it is given.

        Photos wait for one another as long as the predictor last took, since it reads all its
        weights at every call: the first one is told at once.
        """
        waiting: list[_New | Record] = []
        began, took = time.monotonic(), 0.0
        for shot, photo in self._shots([*stems]):
            known = self.journal.known(shot, picture_name(stems[shot.file], shot.frame))
            if known is not None and not waiting:
                yield known
                continue
            waiting.append(known or (shot, photo, spotted(gray(photo), self.sure)))
            if known is not None:  # it comes after those that wait, as if none had been known
                continue
            pixels = sum(photo.shape[0] * photo.shape[1] for _, photo, _ in _new(waiting))
            if time.monotonic() - began >= took or pixels >= _WAITING:
                began = time.monotonic()
                self._predicting(waiting, took)
                yield from self._kept(waiting, stems)
                waiting = []
                took, began = time.monotonic() - began, time.monotonic()
        self._predicting(waiting, took)
        yield from self._kept(waiting, stems)

    def _predicting(self, waiting: Sequence[_New | Record], took: float) -> None:
        """Says so; `took` is 0 before the first time."""
        if faces := sum(len(spots) for *_, spots in _new(waiting)):
            self.step(f"predicting {faces} face{'s' * (faces > 1)}", took or _STARTING)

    def _shots(self, files: list[Path]) -> Iterator[tuple[Shot, Colour]]:
        for number, file in enumerate(files, start=1):
            self.step(f"{number} of {len(files)}: searching {shown(file)}", 0.0)
            try:
                for frame, photo in frames_of(file, self.every):
                    if frame is not None and self.every is None:
                        self.say(
                            f"{shown(file)} is a film, of which the first frame alone is read; "
                            "--every 25 reads each 25th"
                        )
                    yield Shot(file, frame), photo
            except UserError as wrong:
                self.say(f"{wrong}; left out")
            except OSError as wrong:
                self.say(f"{shown(file)} cannot be opened ({wrong.strerror}); left out")

    def _kept(
        self, waiting: Sequence[_New | Record], stems: Mapping[Path, str]
    ) -> Iterator[Record]:
        photos = [gray(photo) for _, photo, _ in _new(waiting)]
        spots = [spots for *_, spots in _new(waiting)]
        faces = iter(marked(photos, spots, self.predict, self.source))
        for each in waiting:
            if isinstance(each, Record):
                yield each
                continue
            shot, photo, _ = each
            own = next(faces)
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


def _new(waiting: Sequence[_New | Record]) -> list[_New]:
    return [each for each in waiting if not isinstance(each, Record)]
