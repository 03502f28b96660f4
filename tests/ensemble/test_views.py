"""Views of test-time augmentation: pictures and points move together."""

from __future__ import annotations

import numpy as np
import pytest

from fkd_core.augment.frames import from_frame, to_frame
from fkd_core.ensemble.views import VIEWS, Nudge, View
from fkd_core.keypoints import MIRROR
from fkd_core.sources import COMPLETE, PIPELINES, Pipeline

ALL = VIEWS["shifts"]


@pytest.mark.parametrize("view", ALL, ids=str)
def test_a_point_seen_in_a_view_is_told_where_it_is_in_the_picture(view: View) -> None:
    picture = np.zeros((1, 96, 96), np.uint8)
    picture[0, 30, 40] = 255
    y, x = np.argwhere(view.of(picture)[0])[0]
    seen = np.full((1, 15, 2), (x, y), np.float32)
    assert view.undo(seen, COMPLETE).tolist() == [[[40, 30]] * 15]
    assert view.shown(view.undo(seen, COMPLETE), COMPLETE).tolist() == seen.tolist()


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=lambda p: p.name)
def test_left_and_right_are_swapped_in_a_mirror(pipeline: Pipeline) -> None:
    keypoints = pipeline.keypoints
    face = np.random.default_rng(0).uniform(20, 70, (3, 15, 2)).astype(np.float32)
    mirrored = face[:, MIRROR] * np.float32([-1, 1]) + np.float32([95, 0])
    seen = mirrored[:, list(keypoints)]
    back = View(mirrored=True).undo(seen, pipeline)
    np.testing.assert_allclose(back, face[:, list(keypoints)], atol=1e-4)


def test_a_mirror_that_lacks_a_partner_is_refused() -> None:
    with pytest.raises(ValueError):
        View(mirrored=True).undo(np.zeros((1, 1, 2), np.float32), COMPLETE.only([0]))


def test_what_is_moved_into_sight_repeats_the_edge() -> None:
    picture = np.arange(96, dtype=np.uint8)[None, None].repeat(96, axis=1)
    assert View(right=2).of(picture)[0, 0, :4].tolist() == [0, 0, 0, 1]
    assert View(right=-2).of(picture)[0, 0, -4:].tolist() == [94, 95, 95, 95]


@pytest.mark.parametrize("view", VIEWS["warps"], ids=str)
def test_a_point_of_a_warped_picture_is_told_where_it_is(view: View) -> None:
    face = np.random.default_rng(1).uniform(20, 70, (3, 15, 2)).astype(np.float32)
    shown = face if not view.mirrored else face[:, MIRROR] * np.float32([-1, 1]) + (95, 0)
    frames = np.tile([[0.9, -0.2, 8.0], [0.2, 0.9, -3.0]], (3, 1, 1))
    nudged = frames if view.nudge is None else view.nudge.after(frames)
    seen = to_frame(shown, nudged)
    back = from_frame(seen, nudged).astype(np.float32)
    np.testing.assert_allclose(view.undo(back, COMPLETE), face, atol=0.02)
    assert view.nudge is None or np.abs(seen - to_frame(shown, frames)).max() > 1


def test_a_nudge_turns_zooms_and_shifts_about_the_centre() -> None:
    still = np.eye(2, 3)[None]
    points = np.array([[[47.5, 47.5], [57.5, 47.5]]])
    moved = to_frame(points, Nudge(90.0, 2.0, 1.0, -0.5).after(still))
    np.testing.assert_allclose(moved, [[[48.5, 47.0], [48.5, 67.0]]], atol=1e-9)
    np.testing.assert_array_equal(Nudge().after(still), still)


@pytest.mark.parametrize("name", VIEWS)
def test_the_first_view_is_the_picture_itself_and_none_is_there_twice(name: str) -> None:
    views = VIEWS[name]
    assert views[0] == View()
    assert len(set(views)) == len(views)
