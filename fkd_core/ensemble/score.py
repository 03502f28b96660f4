"""The local score: held-out faces weighted as the competition weights its test images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.grouping import digests
from fkd_core.evidence.pooled import Estimate, Pool, rmse
from fkd_core.keypoints import KEYPOINTS
from fkd_core.sources import SOURCES


@dataclass(frozen=True)
class Score:
    """RMSE in px with 95% intervals; lower is better."""

    whole: Estimate
    """Over all pipelines, as the competition would score."""
    pipelines: Mapping[str, Estimate]
    """Of each pipeline alone, by name."""
    keypoints: Mapping[str, Mapping[str, float]]
    """Pipeline to keypoint to RMSE, px; NaN for a keypoint that is labelled nowhere."""


def score(
    truth: Mapping[str, NDArray[np.floating]],
    predicted: Mapping[str, NDArray[np.floating]],
    group: Mapping[str, NDArray[np.uint64]],
    weights: Mapping[str, float],
) -> Score:
    """sqrt(sum of w MSE / sum of w) over pipelines, each pooled over its labelled coordinates.

    By pipeline: points [n, p, 2] in px, NaN truth where unlabelled; image groups [n]; and w, the
    number of coordinates requested of it (`submission.requested_share`).

    Raises ValueError where pipelines or shapes do not match, a labelled point has no finite
    prediction, all weights are 0, or a pipeline has labels in one image group alone.
    """
    if not truth.keys() == predicted.keys() == group.keys() <= weights.keys() & SOURCES.keys():
        raise ValueError("truth, predicted, group and weights must have the same pipelines")
    for name, points in truth.items():
        if points.shape[1:] != (len(SOURCES[name].keypoints), 2):
            raise ValueError(f"{name} points have shape {points.shape}")
    pools = {
        name: Pool.of_points(predicted[name], truth[name], group[name], weights[name])
        for name in truth
    }
    return Score(
        rmse(list(pools.values())),
        {name: rmse([Pool(p.squared, p.count, p.group)]) for name, p in pools.items()},
        {name: _by_keypoint(name, truth[name], predicted[name]) for name in truth},
    )


def reckoned(
    one_fit: float, variance: Mapping[str, float | None], weights: Mapping[str, float]
) -> float | None:
    """RMSE, px, that the mean of several fits should have where one of them alone has `one_fit`:
    the squared error of a mean is the mean squared error less the variance.

    By pipeline: the variance of a coordinate over the fits, px^2, None where it is not known; and
    w, as for ``score``. None where a pipeline that counts lacks its variance.
    """
    counted = {name: weight for name, weight in weights.items() if weight}
    known = {name: each for name, each in variance.items() if each is not None}
    if not counted or not counted.keys() <= known.keys():
        return None
    less = sum(weight * known[name] for name, weight in counted.items()) / sum(counted.values())
    return math.sqrt(max(0.0, one_fit**2 - less))


def copied(images: NDArray[np.uint8], test_images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """[N] True for images [N, 96, 96] whose pixels equal those of a test image [M, 96, 96].

    Such faces are held out like any other; scores are reported with and without them.
    """
    tested = {digest.tobytes() for digest in digests(test_images)}
    return np.array([digest.tobytes() in tested for digest in digests(images)], np.bool_)


def _by_keypoint(
    name: str, truth: NDArray[np.floating], predicted: NDArray[np.floating]
) -> dict[str, float]:
    labelled = np.isfinite(truth)
    error = np.where(labelled, predicted.astype(np.float64) - truth, 0.0)
    with np.errstate(invalid="ignore"):
        each = np.sqrt((error**2).sum(axis=(0, 2)) / labelled.sum(axis=(0, 2)))
    return {KEYPOINTS[k]: float(e) for k, e in zip(SOURCES[name].keypoints, each, strict=True)}
