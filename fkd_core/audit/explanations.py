"""What would explain a face's labels, and how much better than that they are right.

Two experts judge labels, as if independently: the models' opinion, which knows the picture, and
the shape of faces in the source's style, which knows no picture. An explanation says what both
would expect if it held: a wrong point may be anywhere, exchanged names are exchanged back, a
common vector is taken off again. The score of a face is the logarithm of the
odds, by Bayes' rule, of all explanations together against the labels being right.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from fkd_core.audit.opinions import Opinions
from fkd_core.audit.student import Array, Mask, Student, fitted, log_density
from fkd_core.keypoints import MIRROR

POINT, SWAPPED, SHIFTED = "wrong point", "swapped", "shifted"
ROW, FACE, HOPELESS = "another row", "wrong face", "hopeless picture"
PRIOR = {POINT: 4e-3, SWAPPED: 1e-3, SHIFTED: 1e-3, ROW: 1e-3, FACE: 1e-3, HOPELESS: 1e-3}
"""How often each is expected before a face is seen: of wrong points, all choices together."""

MOST_POINTS = 3
"""Single points that may be wrong at once; more have another explanation."""
ANYWHERE = -2 * np.log(48.0)
"""Log density of a point that may be anywhere in half a picture's width."""
SHIFT = 8.0
"""Usual reach of a common vector, px an axis."""
STRANGE = 4.0
"""Robust deviations by which models are farther apart than usual where they find no face."""
LOOKED_AT = 0.05
"""Share of faces, the least likely ones, that are compared with all other rows."""


@dataclass(frozen=True, eq=False)
class Explained:
    """The explanations of the n faces of one source."""

    score: Array
    """[n] log odds that something is wrong; above 0 it is more likely than not."""
    reason: list[str]
    """[n] the best explanation, a name in PRIOR."""
    points: Mask
    """[n, p] the labels that are wrong by it."""
    proposed: Array
    """[n, p, 2] px: labels as it would have them; NaN takes a label away."""
    fits_row: NDArray[np.intp]
    """[n] position of the face whose labels these seem to be, else -1."""


def explain(
    labels: NDArray[np.floating],
    opinions: Opinions,
    group: NDArray[np.uint64],
    keypoints: list[int],
) -> Explained:
    """Of labels [n, p, 2], NaN where missing, of image groups [n] and these of KEYPOINTS [p]."""
    from scipy.stats import norm  # takes a second
    from scipy.stats import t as student_t

    judge = _Judge(labels.astype(np.float64), opinions)
    n = len(labels)
    right = judge()
    strange = _strangeness(opinions.spread)
    prior = {name: np.log(chance) for name, chance in PRIOR.items()}
    # Of each explanation: log density and prior, points, proposed labels.
    dropped, single = _wrong_points(judge, prior[POINT])
    named, swap, exchanged = _swapped(judge, prior[SWAPPED], keypoints)
    vector = np.nanmedian(judge.labels - opinions.said, axis=1, keepdims=True)
    moved_back = judge.labels - vector
    row, fits_row = _another_row(judge, group, strange)
    whole = judge.given
    found: dict[str, tuple[Array, Mask, Array]] = {
        POINT: (single, dropped, np.where(dropped[..., None], opinions.said, judge.labels)),
        SWAPPED: (swap, named, exchanged),
        SHIFTED: (
            judge(labels=moved_back)
            + prior[SHIFTED]
            + norm.logpdf(vector[:, 0], 0.0, SHIFT).sum(axis=1),
            whole,
            moved_back,
        ),
        ROW: (row + prior[ROW], whole, opinions.said),
        FACE: (judge(add=2 * judge.shape.scatter) + prior[FACE], whole, opinions.said),
        HOPELESS: (
            right
            + prior[HOPELESS]
            + norm.logpdf(strange, STRANGE + 1, 2.0)
            - student_t.logpdf(strange, 10),
            whole,
            np.full_like(judge.labels, np.nan),
        ),
    }
    table = np.stack([value for value, _, _ in found.values()])
    score = logsumexp(table, axis=0) - right - np.log1p(-sum(PRIOR.values()))
    best = table.argmax(axis=0)
    index = np.arange(n)
    points = np.stack([mask for _, mask, _ in found.values()])[best, index]
    proposed = np.stack([each for _, _, each in found.values()])[best, index]
    reason = [list(found)[k] for k in best]
    is_row = np.array([name == ROW for name in reason])
    return Explained(
        score,
        reason,
        points & whole,
        np.where((points & whole)[..., None], proposed, judge.labels),
        np.where(is_row, fits_row, -1),
    )


class _Judge:
    """Both experts, asked about the labels of one source."""

    def __init__(self, labels: Array, opinions: Opinions) -> None:
        self.labels, self.opinions = labels, opinions
        self.given: Mask = np.asarray(np.isfinite(labels).all(axis=2))
        self.shape: Student = fitted(labels.reshape(len(labels), -1))

    def __call__(
        self,
        given: Mask | None = None,
        labels: Array | None = None,
        index: NDArray[np.intp] | slice = slice(None),
        *,
        add: Array | float = 0.0,
    ) -> Array:
        """[n] log density of the faces at `index`: of their labels or these, of all that are
        given or these, with the first expert's scatter changed as an explanation has it."""
        labels = self.labels[index] if labels is None else labels
        given = self.given[index] if given is None else given
        known = np.repeat(given, 2, axis=1)
        flat = labels.reshape(len(labels), -1)
        usual, scale = self.opinions.usual, self.opinions.scale[index]
        far = self.opinions.residuals(labels, index).reshape(flat.shape)
        of_picture = log_density(usual, far, known, scale, usual.scatter + add)
        return of_picture + log_density(self.shape, flat - self.shape.centre, known)


def _wrong_points(judge: _Judge, prior: float) -> tuple[Mask, Array]:
    """[n, p] the points without which the rest is most likely, and the log density: one after
    another, each at the price of being anywhere for both experts."""
    n, p = judge.given.shape
    dropped = np.zeros((n, p), np.bool_)
    chosen, total = np.zeros((n, p), np.bool_), np.full(n, -np.inf)
    for count in range(1, MOST_POINTS + 1):
        # A second and third point is tried where one more is left to speak for the face.
        index = np.flatnonzero((judge.given & ~dropped).sum(axis=1) > 1)
        tried = np.full((n, p), -np.inf)
        for k in range(p):
            mine = index[(judge.given & ~dropped)[index, k]]
            rest = judge.given[mine] & ~dropped[mine]
            rest[:, k] = False
            tried[mine, k] = judge(rest, index=mine)
        best = tried.argmax(axis=1)
        able = np.isfinite(tried.max(axis=1))
        dropped[able, best[able]] = True
        price = prior - np.log(p) + 2 * ANYWHERE
        value = tried.max(axis=1) + count * price
        better = able & (value > total)
        total[better], chosen[better] = value[better], dropped[better]
    return chosen, total


def _swapped(judge: _Judge, prior: float, keypoints: list[int]) -> tuple[Mask, Array, Array]:
    """[n, p] the points whose names were exchanged, the log density of exchanging them back, and
    the labels [n, p, 2] then: any two, or left and right throughout."""
    n, p = judge.given.shape
    orders = []
    for a, b in combinations(range(p), 2):
        order = np.arange(p)
        order[[a, b]] = b, a
        orders.append((order, prior - np.log(2 * p * (p - 1) / 2)))
    if all(MIRROR[k] in keypoints for k in keypoints):
        order = np.array([keypoints.index(MIRROR[k]) for k in keypoints])
        orders.append((order, prior - np.log(2)))
    best, chosen = np.full(n, -np.inf), np.tile(np.arange(p), (n, 1))
    for order, chance in orders:
        moved = order != np.arange(p)
        index = np.flatnonzero(judge.given[:, moved].all(axis=1))
        value = judge(labels=judge.labels[index][:, order], index=index) + chance
        better = value > best[index]
        best[index[better]], chosen[index[better]] = value[better], order
    return chosen != np.arange(p), best, np.take_along_axis(judge.labels, chosen[..., None], 1)


def _another_row(
    judge: _Judge, group: NDArray[np.uint64], strange: Array
) -> tuple[Array, NDArray[np.intp]]:
    """[n] log density of the labels as those of the face which they fit best, and its position;
    the next and the last row are as likely beforehand as all others together. Only asked where
    the models find a face, and of one in which they do."""
    n = len(judge.labels)
    value, row = np.full(n, -np.inf), np.full(n, -1, np.intp)
    right = judge()
    few = np.argsort(right)[: max(1, round(LOOKED_AT * n))]
    few = few[strange[few] < STRANGE]
    every, usual = np.arange(n), judge.opinions.usual
    off = judge.labels.reshape(n, -1) - judge.shape.centre
    given = np.repeat(judge.given, 2, axis=1)
    shape = log_density(judge.shape, off, given)
    for face in few:
        labels = np.broadcast_to(judge.labels[face], judge.labels.shape)
        far = judge.opinions.residuals(labels).reshape(n, -1)
        same = np.broadcast_to(given[face], given.shape)
        fits = log_density(usual, far, same, judge.opinions.scale)
        fits += np.where(np.abs(every - face) == 1, np.log(0.25), np.log(0.5 / n))
        fits[(group == group[face]) | (strange >= STRANGE)] = -np.inf
        row[face] = fits.argmax()
        value[face] = fits.max() + shape[face]
    return value, row


def _strangeness(spread: Array) -> Array:
    """[n] how far the models are apart on each face: robust deviations of its logarithm."""
    told = np.log(np.maximum(spread.mean(axis=1), 1e-6))
    off = told - np.median(told)
    return np.asarray(off / max(1.4826 * float(np.median(np.abs(off))), 1e-6))
