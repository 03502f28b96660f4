"""Out-of-fold predictions: every face as seen by models that never saw its image group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.data.folds import set_of, split
from fkd_core.ensemble.leaks import check_apart
from fkd_core.ensemble.members import Member, by_seed, of_source, sources_of
from fkd_core.ensemble.questions import Question
from fkd_core.ensemble.score import copied
from fkd_core.ensemble.table import Points, Table
from fkd_core.ensemble.views import VIEWS
from fkd_core.errors import UserError
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.store import FitStore
from fkd_core.keypoints import KEYPOINTS
from fkd_core.running.session import Call, Session
from fkd_core.sources import PIPELINES, SOURCES, recognised

LEAST_GROUPS = 5
"""Image groups that each side needs: faces that stackers learn from, and faces that score them."""


@dataclass(frozen=True)
class OutOfFold:
    """Fills a table for each source from trained members; those of a pipeline are dealt the same
    folds, and a joint one stands in the table of every source that it was taught."""

    members: Sequence[Member]
    faces: Faces
    test_images: NDArray[np.uint8] | None
    """[m, 96, 96]"""
    tta: str
    """Test-time augmentation: a name in VIEWS."""
    crossed: bool = False
    """Whether members also say what they think of faces of other sources."""
    lending: bool = False
    """Whether faces of sources that no member was taught are scored in another's style."""
    refits: int = 0
    """Test predictions from so many fits a seed on everything, instead of those of the folds;
    see ``Member.refits``."""

    @property
    def fits(self) -> list[FitSpec]:
        """All fits that are needed, fold by fold so that neighbours in time differ in model."""
        by_member = [self.fits_of(member) for member in self.members]
        return [fit for together in zip_longest(*by_member) for fit in together if fit is not None]

    def lacking(self, fits: Fits) -> list[FitSpec]:
        """What is still to be trained, fits that others are aligned by among it."""
        return fits.lacking(self.fits, weights=True)

    def fits_of(self, member: Member) -> list[FitSpec]:
        """Those of one member."""
        return member.fits + (self.shipped(member) if self.refits else [])

    def shipped(self, member: Member) -> list[FitSpec]:
        """The fits that predict what nobody trained on."""
        return by_seed(self._parts(member))

    def _parts(self, member: Member) -> list[list[FitSpec]]:
        """The same in K parts, each of one fit a seed."""
        return member.refits(self.faces, self.refits) if self.refits else member.parts

    def held_out(self, fit: FitSpec) -> NDArray[np.intp]:
        """Positions of the faces that this fit may be asked about; none of a refit."""
        if fit.split.folds != self.members[0].folds:
            return np.empty(0, np.intp)
        return np.flatnonzero(self._deal[fit.pipeline] == fit.split.fold)

    @property
    def copies(self) -> NDArray[np.bool_]:
        """[N] faces whose pixels equal a test image's."""
        return copied(self.faces.images, self._tests_shown)

    def check(self, photographs: NDArray[np.uint64]) -> None:
        """Raises UserError where a photograph lies in two folds of a deal, or where there are too
        few faces to fit stackers on and to score them. `photographs` [N] are the faces', by their
        pixels: see ``data.grouping.photographs``."""
        deals = self._deal
        for source in self.sources:
            index = self._index(source)
            final = set_of(np.unique(self.faces.group[index])) == "final"
            if min(final.sum(), (~final).sum()) < LEAST_GROUPS:
                raise UserError(
                    f"{source}: {(~final).sum()} image groups to combine models by and "
                    f"{final.sum()} to score them are too few, {LEAST_GROUPS} of each are needed; "
                    "give more labelled faces, or leave it out where --pipelines names it"
                )
        # A joint deal as a whole: what one source's faces teach is known of the other's.
        labelled = {name: self.faces.labelled(PIPELINES[name]) for name in deals}
        dealt = [np.where(labelled[name], fold, -1) for name, fold in deals.items()]
        check_apart(photographs, dealt, self.faces.row)

    def tables(
        self,
        session: Session,
        fits: Fits,
        predictions: FitStore,
        on_part: Callable[[int, int], None] = lambda done, total: None,
    ) -> dict[str, Table]:
        """One table a source. What `predictions` holds already is not predicted again; `on_part`
        is told how many predictions are made, and of how many."""
        keys = {fit: self._question(fit).key(fits) for fit in self.fits}

        def start(fit: FitSpec) -> Call:
            return lambda worker: self._question(fit).ask(worker, fits)

        todo = [fit for fit, key in keys.items() if key not in predictions]
        answers = session.spread([start(fit) for fit in todo])
        for done, (number, points) in enumerate(answers, start=1):
            predictions.put(keys[todo[number]], {}, {"points": points})
            on_part(done, len(todo))
        found: dict[FitSpec, Points] = {}
        for fit, key in keys.items():
            stored = predictions.get(key)
            if stored is None:
                raise UserError(
                    f"a prediction vanished from {predictions.root} while it was needed; run the "
                    "same command again"
                )
            found[fit] = stored.arrays["points"]
        return {source: self._table(source, found) for source in self.sources}

    @property
    def sources(self) -> list[str]:
        """Those that members were taught."""
        return sources_of(self.members)

    @cached_property
    def lent(self) -> dict[str, str]:
        """Source that no member was taught to the one in whose style its faces are scored, as its
        test images are answered; those alone whose labelled faces are enough for a score."""
        found = {}
        for name in [*SOURCES] if self.lending else []:
            marked = np.isin(range(len(KEYPOINTS)), SOURCES[name].keypoints)
            (by,) = recognised(marked[None], self.sources)
            groups = np.unique(self.faces.group[self._index(name)])
            enough = (set_of(groups) == "final").sum() >= LEAST_GROUPS
            if name not in self.sources and by >= 0 and enough:
                found[name] = [*SOURCES][by]
        return found

    def _table(self, source: str, found: dict[FitSpec, Points], of: str | None = None) -> Table:
        """What members say in the source's style of its own faces, or of those `of` another."""
        mine = of_source(self.members, source)
        others = [name for name in self.sources if name != source] if self.crossed else []
        theirs = [(member, name) for name in others for member in of_source(self.members, name)]
        index = self._index(of or source)
        labelled_so = np.full(len(index), [*SOURCES].index(source))
        seen = np.stack([self._seen(member, source, index, found) for member in mine])
        tests = [self._tests(member, source, found) for member in mine]
        views = VIEWS[self.tta]
        mirror = [views.index(view) for view in VIEWS["mirror"] if view in views]
        return Table(
            pipeline=of or source,
            members=tuple(member.name for member in mine),
            index=index,
            group=self.faces.group[index],
            fold=np.stack([self._deal[member.pipeline][index] for member in mine]),
            truth=PIPELINES[source].targets(self.faces.points[index], labelled_so),
            plain=seen[:, 0],
            own=seen.mean(axis=1),
            mirrored=seen[:, mirror].mean(axis=1) if len(mirror) == 2 else None,
            by_part=np.stack(tests, axis=1),
            other=_beside(
                [self._seen(m, name, index, found).mean(axis=0) for m, name in theirs], len(index)
            ),
            test_other=_beside(
                [self._tests(m, name, found).mean(axis=0) for m, name in theirs],
                len(self._tests_shown),
            ),
            lent={
                name: self._table(source, found, name)
                for name, by in self.lent.items()
                if by == source and of is None
            },
        )

    def _seen(
        self, member: Member, source: str, index: NDArray[np.intp], found: dict[FitSpec, Points]
    ) -> Points:
        """[V, n, p, 2] of these faces by the fits that held them out, mean over seeds, in the
        source's style."""
        taught = PIPELINES[member.pipeline]
        shape = (len(VIEWS[self.tta]), len(self.faces), len(taught.columns), 2)
        total = np.zeros(shape, np.float32)
        for fit in member.fits:
            held_out = self.held_out(fit)
            total[:, held_out] += found[fit][:, : len(held_out)] / np.float32(len(member.seeds))
        return total[:, index][:, :, taught.of(source)]

    def _tests(self, member: Member, source: str, found: dict[FitSpec, Points]) -> Points:
        """[K, m, p, 2] of the test images, mean over the fits of each part that ships and over
        views, in the source's style."""
        parts = self._parts(member)
        said = [[self._test(fit, source, found) for fit in part] for part in parts]
        return np.asarray(np.mean(said, axis=1), np.float32)

    def _test(self, fit: FitSpec, source: str, found: dict[FitSpec, Points]) -> Points:
        """[m, p, 2] of the test images as one fit sees them, mean over views."""
        said = found[fit][:, found[fit].shape[1] - len(self._tests_shown) :]
        return np.asarray(said.mean(axis=0)[:, PIPELINES[fit.pipeline].of(source)])

    def _question(self, fit: FitSpec) -> Question:
        shown = [self.faces.images[self.held_out(fit)], self._tests_shown]
        return Question(fit, np.concatenate(shown), VIEWS[self.tta])

    @property
    def _tests_shown(self) -> NDArray[np.uint8]:
        return np.empty((0, 96, 96), np.uint8) if self.test_images is None else self.test_images

    def _index(self, source: str) -> NDArray[np.intp]:
        """Positions of a source's own faces."""
        return np.flatnonzero(self.faces.labelled(PIPELINES[source]))

    @cached_property
    def _deal(self) -> dict[str, NDArray[np.intp]]:
        """For each pipeline, [N] the fold whose fits may be asked about each face, else -1.

        A face of a source that is not taught belongs to the fold that holds out its image group;
        where none does, to any one, so that it too is seen by one fit a seed.
        """
        first: dict[str, Member] = {}
        for member in self.members:
            first.setdefault(member.pipeline, member)
        deal = {}
        for pipeline, member in first.items():
            fold = np.full(len(self.faces), -1, np.intp)
            try:
                for fit in replace(member, seeds=member.seeds[:1]).fits:
                    parts = split(self.faces, PIPELINES[pipeline], fit.split)
                    fold[parts.held_out] = fit.split.fold
            except ValueError as error:
                raise UserError(
                    f"{error}; give more labelled faces, or leave {pipeline} out where "
                    "--pipelines names it"
                ) from error
            if self.crossed or self.lent:
                held_out = dict(zip(self.faces.group[fold >= 0], fold[fold >= 0], strict=True))
                for other in np.flatnonzero(~self.faces.of_mask(PIPELINES[pipeline])):
                    group = self.faces.group[other]
                    fold[other] = held_out.get(group, int(group) % member.folds)
            deal[pipeline] = fold
        return deal


def _beside(points: Sequence[Points], n: int) -> NDArray[np.float64]:
    """[n, E] from some [n, p, 2]."""
    # Not -1, which cannot be told where there are no test images.
    flat = [np.asarray(each, np.float64).reshape(n, 2 * each.shape[1]) for each in points]
    return np.concatenate(flat, axis=1) if flat else np.empty((n, 0))
