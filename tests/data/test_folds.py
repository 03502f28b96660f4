"""Splits keep image groups whole, and what is scored stays in its set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from faces_for_tests import tiny_faces
from hypothesis import given, settings
from hypothesis import strategies as st

from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split, set_of, split
from fkd_core.sources import COMPLETE, PARTIAL, PIPELINES

FAMILIES = ("search", "confirm", "final", "all")
PATTERNS = np.array([[True] * 15, [True] * 11 + [False] * 4, [True] * 2 + [False] * 13])


def random_faces(n: int, seed: int, groups: int | None = None) -> Faces:
    """Faces without pictures: only what splits look at."""
    rng = np.random.default_rng(seed)
    known = rng.integers(0, 2**64, groups or n, np.uint64)
    has = PATTERNS[rng.choice(3, n, p=[0.7, 0.2, 0.1])]
    return Faces(
        images=np.broadcast_to(np.uint8(0), (n, 96, 96)),
        points=np.where(has[..., None], np.float32(40), np.float32("nan"))
        * np.ones(2, np.float32),
        source=(rng.random(n) < 0.3).astype(np.int8),
        group=known[rng.integers(0, len(known), n)] if groups else known,
        row=np.arange(1, n + 1, dtype=np.int32),
    )


def splits(**more: Any) -> st.SearchStrategy[Split]:
    return st.builds(
        lambda family, folds, fold, seed, stop: Split(
            family, folds, fold % folds, seed, stop_share=stop, **more
        ),
        st.sampled_from(FAMILIES),
        st.integers(2, 6),
        st.integers(0, 5),
        st.integers(0, 2**31),
        st.sampled_from([0.0, 0.1, 0.35, 0.5]),
    )


@settings(max_examples=60, deadline=None)
@given(how=splits(), seed=st.integers(0, 9), limit=st.sampled_from([None, 60, 150]))
def test_no_group_is_on_two_sides_and_no_face_is_forgotten(
    how: Split, seed: int, limit: int | None
) -> None:
    faces = random_faces(400, seed, groups=250)
    how = Split(how.family, how.folds, how.fold, how.seed, limit, how.stop_share)
    parts = split(faces, COMPLETE, how)
    sides = [set(faces.group[part].tolist()) for part in (parts.train, parts.stop, parts.held_out)]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert bool(len(parts.stop)) == (how.stop_share > 0)
    training = np.concatenate([parts.train, parts.stop])
    expected = np.setdiff1d(parts.pool, parts.held_out)
    np.testing.assert_array_equal(np.sort(training), expected)


@settings(max_examples=30, deadline=None)
@given(how=splits())
def test_over_the_folds_each_face_of_the_set_is_held_out_once_and_no_other_is(how: Split) -> None:
    faces = random_faces(300, 1, groups=200)
    held_out = [
        split(faces, COMPLETE, Split(how.family, how.folds, fold, how.seed)).held_out
        for fold in range(how.folds)
    ]
    own = faces.source == 0
    if how.family != "all":
        own &= set_of(faces.group) == how.family
    np.testing.assert_array_equal(np.sort(np.concatenate(held_out)), np.flatnonzero(own))


@settings(max_examples=30, deadline=None)
@given(how=splits(limit=150), seed=st.integers(0, 2**31))
def test_the_order_of_the_faces_does_not_matter(how: Split, seed: int) -> None:
    faces = random_faces(300, 2, groups=200)
    order = np.random.default_rng(seed).permutation(len(faces))
    parts, shuffled = split(faces, COMPLETE, how), split(faces.take(order), COMPLETE, how)
    for name in ("train", "stop", "held_out", "pool"):
        rows = np.sort(order[getattr(shuffled, name)])
        np.testing.assert_array_equal(rows, getattr(parts, name), err_msg=name)


def test_the_sets_are_fixed_for_ever() -> None:
    # Evidence of years hangs on these: a change here moves faces between sets.
    groups = np.array([0, 1, 2, 3, 12345, 2**63, 2**64 - 1], np.uint64)
    assert set_of(groups).tolist() == [
        "final",
        "search",
        "search",
        "confirm",
        "final",
        "final",
        "search",
    ]


def test_the_sets_hold_40_40_and_20_percent() -> None:
    names = set_of(np.random.default_rng(0).integers(0, 2**64, 100_000, np.uint64))
    shares = [float(np.mean(names == name)) for name in ("search", "confirm", "final")]
    assert shares == pytest.approx([0.4, 0.4, 0.2], abs=0.01)


def test_the_sets_of_consecutive_numbers_are_mixed_too() -> None:
    names = set_of(np.arange(10_000, dtype=np.uint64))
    shares = [float(np.mean(names == name)) for name in ("search", "confirm", "final")]
    assert shares == pytest.approx([0.4, 0.4, 0.2], abs=0.02)


def test_another_seed_deals_other_folds_and_an_equal_one_the_same() -> None:
    faces = random_faces(300, 3)
    held_out = [split(faces, COMPLETE, Split(seed=seed)).held_out.tolist() for seed in (0, 1, 0)]
    assert held_out[0] == held_out[2]
    assert held_out[0] != held_out[1]


def test_label_patterns_are_spread_evenly_over_the_folds() -> None:
    faces = random_faces(2000, 4)
    has = np.isfinite(faces.points).all(axis=2).sum(axis=1)
    for count in (15, 11, 2):
        sizes = [
            int((has[split(faces, COMPLETE, Split("all", 5, fold)).held_out] == count).sum())
            for fold in range(5)
        ]
        assert max(sizes) - min(sizes) <= 1
        assert min(sizes) > 0


@pytest.mark.parametrize("share", [0.1, 0.25, 0.35, 0.4, 0.5])
def test_the_early_stop_share_is_the_share_asked_for(share: float) -> None:
    parts = split(random_faces(1000, 5), COMPLETE, Split("all", stop_share=share))
    got = len(parts.stop) / (len(parts.stop) + len(parts.train))
    assert got == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=list(PIPELINES))
def test_a_limit_thins_every_fold_seed_and_family_to_the_same_pool(pipeline: Any) -> None:
    faces = random_faces(1000, 6)
    pools = {
        split(faces, pipeline, Split(family, 3, fold, seed, limit=100)).pool.tobytes()
        for family in FAMILIES
        for fold in range(3)
        for seed in range(2)
    }
    assert len(pools) == 1
    assert len(np.frombuffer(pools.pop(), np.intp)) == 100


def test_a_limit_does_not_thin_what_is_held_out() -> None:
    faces = random_faces(1000, 6)
    thin, full = (split(faces, COMPLETE, Split(limit=limit)) for limit in (100, None))
    np.testing.assert_array_equal(thin.held_out, full.held_out)


def test_a_pipeline_uses_only_its_own_source() -> None:
    faces = tiny_faces()
    for index, pipeline in enumerate((COMPLETE, PARTIAL)):
        parts = split(faces, pipeline, Split("all"))
        used = np.concatenate([parts.train, parts.held_out])
        np.testing.assert_array_equal(np.sort(used), np.flatnonzero(faces.source == index))


def test_a_face_without_labels_is_nowhere() -> None:
    faces = random_faces(60, 7)
    faces.points[3] = np.nan
    faces.points[4, :, 1] = np.nan  # x alone is no label
    faces.source[3:5] = 0
    parts = split(faces, COMPLETE, Split("all"))
    assert not {3, 4} & {*parts.train.tolist(), *parts.held_out.tolist(), *parts.pool.tolist()}


def test_too_few_faces_are_refused_with_what_is_missing() -> None:
    faces = random_faces(300, 8)
    one = faces.take(np.flatnonzero(faces.source == 0)[:1])
    with pytest.raises(ValueError, match="no training faces in fold 0 of 2 of set all"):
        split(one, COMPLETE, Split("all"))
    with pytest.raises(ValueError, match="no held-out faces in fold 1 of 2"):
        split(one, COMPLETE, Split("all", fold=1))


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"fold": 2}, "fold 2"),
        ({"folds": 1}, "1 folds"),
        ({"stop_share": 0.6}, "stop_share"),
        ({"stop_share": float("nan")}, "stop_share"),
        ({"limit": 0}, "limit"),
        ({"family": "test"}, "family"),
    ],
)
def test_splits_without_meaning_are_refused(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Split(**wrong)
