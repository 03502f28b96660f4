"""Views of test-time augmentation: pictures and points move together."""

from __future__ import annotations

import numpy as np
import pytest

from fkd_core.ensemble.views import VIEWS, View
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


@pytest.mark.parametrize("name", VIEWS)
def test_the_first_view_is_the_picture_itself_and_none_is_there_twice(name: str) -> None:
    views = VIEWS[name]
    assert views[0] == View()
    assert len(set(views)) == len(views)
