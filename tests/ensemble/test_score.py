"""The local score: weighted as the competition does, with intervals and by keypoint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fkd_core.data.faces import Faces
from fkd_core.ensemble.score import copied, reckoned, score
from fkd_core.evidence import Pool, rmse
from fkd_core.keypoints import KEYPOINTS
from fkd_core.sources import COMPLETE, PARTIAL

OFFICIAL = {"complete": 17592, "partial": 9532}
Points = dict[str, np.ndarray]


def made(seed: int = 0, complete: int = 50, partial: int = 80) -> tuple[Points, Points, Points]:
    """Truth with gaps, predictions about 1.5 and 3 px off, and groups of two faces."""
    random = np.random.default_rng(seed)
    truth, predicted, group = {}, {}, {}
    for pipeline, n, error in ((COMPLETE, complete, 1.5), (PARTIAL, partial, 3.0)):
        points = random.uniform(20, 76, (n, len(pipeline.keypoints), 2))
        predicted[pipeline.name] = points + random.normal(0, error, points.shape)
        points[random.random(points.shape[:2]) < 0.2] = np.nan
        truth[pipeline.name] = points
        group[pipeline.name] = (np.arange(n) // 2).astype(np.uint64)
    return truth, predicted, group


def test_the_score_weighs_pipelines_by_what_is_requested_of_them() -> None:
    truth, predicted, group = made()
    found = score(truth, predicted, group, OFFICIAL)
    mse = {name: np.nanmean((predicted[name] - truth[name]) ** 2) for name in truth}
    wanted = np.sqrt((17592 * mse["complete"] + 9532 * mse["partial"]) / 27124)
    assert found.whole.value == pytest.approx(wanted)
    assert found.whole.low < wanted < found.whole.high
    for name, estimate in found.pipelines.items():
        assert estimate.value == pytest.approx(np.sqrt(mse[name]))
        assert estimate.low < estimate.value < estimate.high


def test_the_number_of_local_faces_does_not_shift_the_weights() -> None:
    truth, predicted, group = made()
    again = np.concatenate([np.arange(80)] * 5)
    more = [{**each, "partial": each["partial"][again]} for each in (truth, predicted, group)]
    once, repeated = score(truth, predicted, group, OFFICIAL), score(*more, OFFICIAL)
    assert repeated.whole.value == pytest.approx(once.whole.value)


def test_keypoints_are_scored_under_their_names() -> None:
    truth, predicted, group = made()
    predicted["partial"][:, 2] = truth["partial"][:, 2]
    predicted["partial"][np.isnan(predicted["partial"])] = 0
    found = score(truth, predicted, group, OFFICIAL)
    assert tuple(found.keypoints["complete"]) == KEYPOINTS
    assert tuple(found.keypoints["partial"]) == tuple(KEYPOINTS[k] for k in PARTIAL.keypoints)
    assert found.keypoints["partial"]["nose_tip"] == 0
    lip = PARTIAL.keypoints.index(KEYPOINTS.index("mouth_center_bottom_lip"))
    wanted = np.sqrt(np.nanmean((predicted["partial"][:, lip] - truth["partial"][:, lip]) ** 2))
    assert found.keypoints["partial"]["mouth_center_bottom_lip"] == pytest.approx(wanted)


def test_a_keypoint_that_is_labelled_nowhere_has_no_score() -> None:
    truth, predicted, group = made()
    truth["complete"][:, 12] = np.nan
    found = score(truth, predicted, group, OFFICIAL).keypoints["complete"]
    assert np.isnan(found["mouth_right_corner"])
    assert np.isfinite([found[name] for name in KEYPOINTS if name != "mouth_right_corner"]).all()


def test_one_pipeline_alone_is_the_whole_score() -> None:
    truth, predicted, group = ({"partial": each["partial"]} for each in made())
    found = score(truth, predicted, group, OFFICIAL)
    assert found.whole == found.pipelines["partial"]
    pool = Pool.of_points(predicted["partial"], truth["partial"], group["partial"])
    assert found.whole == rmse([replace(pool, weight=9532)])


def test_a_pipeline_of_which_nothing_is_requested_is_scored_but_does_not_count() -> None:
    truth, predicted, group = made()
    found = score(truth, predicted, group, {"complete": 100, "partial": 0})
    assert found.whole.value == pytest.approx(found.pipelines["complete"].value)
    assert found.pipelines["partial"].value > 2


def test_a_mean_of_fits_is_reckoned_by_what_counts_and_is_known() -> None:
    weights = {"complete": 30.0, "partial": 10.0}
    error = reckoned(1.3, {"complete": 0.04, "partial": 0.08}, weights)
    assert error == pytest.approx((1.69 - (0.03 + 0.02)) ** 0.5)
    assert reckoned(1.3, {"complete": 0.04, "partial": None}, weights) is None
    assert reckoned(1.3, {"complete": 0.04}, weights) is None
    only = reckoned(1.3, {"complete": 0.04}, weights | {"partial": 0.0})
    assert only == pytest.approx(1.65**0.5)


def test_tables_that_do_not_fit_together_are_refused() -> None:
    truth, predicted, group = made()
    with pytest.raises(ValueError, match="same pipelines"):
        score(truth, {"complete": predicted["complete"]}, group, OFFICIAL)
    with pytest.raises(ValueError, match="same pipelines"):
        score(truth, predicted, group, {"complete": 1})
    joint = [{"joint": each["complete"]} for each in (truth, predicted, group)]
    with pytest.raises(ValueError, match="same pipelines"):
        score(*joint, {"joint": 1})
    wide = [{**each, "partial": each["complete"]} for each in (truth, predicted, group)]
    with pytest.raises(ValueError, match="partial points have shape"):
        score(*wide, OFFICIAL)


def test_faces_whose_pixels_equal_a_test_images_are_found(faces: Faces) -> None:
    test_images = faces.images[[3, 9, 30]].copy()
    test_images[1, 40, 40] ^= 1
    found = copied(faces.images, test_images)
    assert found.dtype == np.bool_
    assert np.flatnonzero(found).tolist() == [3, 30]
    assert copied(faces.images[:0], test_images).shape == (0,)
    assert not copied(faces.images, test_images[:0]).any()
