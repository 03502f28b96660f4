"""Sources and pipelines: who marks what, how rows are recognised, and what a fit is taught."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fkd_core.keypoints import KEYPOINTS, MIRROR
from fkd_core.sources import COMPLETE, PARTIAL, PIPELINES, SOURCES, recognised

JOINT = PIPELINES["joint"]
BROW = KEYPOINTS.index("left_eyebrow_inner_end")


def rows(*given: tuple[int, ...]) -> NDArray[np.bool_]:
    """[n, 15] of which keypoints are given."""
    return np.array([[k in each for k in range(15)] for each in given])


def test_a_row_is_partial_where_it_gives_some_of_its_four_keypoints_and_no_other() -> None:
    given = rows(PARTIAL.keypoints, (10,), tuple(range(15)), (10, BROW), ())
    assert recognised(given).tolist() == [1, 1, 0, 0, 0]


def test_where_the_right_source_may_not_answer_another_that_can_does() -> None:
    given = rows(PARTIAL.keypoints, tuple(range(15)))
    assert recognised(given, ["complete"]).tolist() == [0, 0]
    assert recognised(given, ["partial"]).tolist() == [1, -1]


def test_a_joint_pipeline_has_the_columns_of_all_sources_side_by_side() -> None:
    assert (COMPLETE.outputs, PARTIAL.outputs, JOINT.outputs) == (30, 8, 38)
    assert JOINT.sources == ("complete", "partial")
    assert JOINT.of("partial") == [15, 16, 17, 18]
    assert JOINT.keypoints == COMPLETE.keypoints + PARTIAL.keypoints
    assert JOINT.only([10]).columns == (("complete", 10), ("partial", 10))


def test_a_mirror_pairs_keypoints_within_a_source() -> None:
    assert JOINT.mirror[:15] == MIRROR
    assert JOINT.mirror[15:] == (16, 15, 17, 18)


def test_a_row_teaches_only_what_its_own_source_marks() -> None:
    points = np.arange(60, dtype=np.float32).reshape(2, 15, 2)
    points[0, 3, 1] = np.nan  # half a label is none
    targets = JOINT.targets(points, np.array([0, 1], np.int8))
    assert (
        np.isfinite(targets[0]).all(axis=1).tolist() == [k != 3 for k in range(15)] + [False] * 4
    )
    assert not np.isfinite(targets[1, :15]).any()
    np.testing.assert_array_equal(targets[1, 15:], points[1, list(PARTIAL.keypoints)])


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_has_a_specialist_of_its_name(name: str) -> None:
    assert PIPELINES[name].sources == (name,)
    assert PIPELINES[name].keypoints == SOURCES[name].keypoints
