"""What changed labels change is measured on equal faces and labels, in pairs."""

from __future__ import annotations

import numpy as np
import pytest
from planted import planted

from fkd_core.audit.effect import Arm, effects, whole
from fkd_core.keypoints import KEYPOINTS


def test_a_table_is_spread_out_over_all_faces_and_keypoints() -> None:
    there = planted("partial", n=80, each=1)
    said, fold = whole({"partial": there.table}, 80)
    assert np.array_equal(said[:, [0, 1, 10, 14]], there.table.own[0])
    assert np.isnan(said[:, 2]).all()
    assert np.array_equal(fold, np.arange(80) % 5)


def test_an_arm_that_errs_less_is_found_to_on_what_all_arms_predict() -> None:
    there = planted("partial", n=200, each=1)
    fold, truth = np.arange(200) % 5, there.faces.points
    rng = np.random.default_rng(0)

    def arm(name: str, error: float, lost: int) -> Arm:
        said = {
            seed: (truth + rng.normal(0, error, truth.shape)).astype(np.float32) for seed in (0, 1)
        }
        for each in said.values():
            each[:lost] = np.nan
        return Arm(name, said, fold)

    control, same, better = arm("given", 2.0, 0), arm("same", 2.0, 7), arm("better", 1.5, 0)
    far = np.full(truth.shape, np.nan)
    far[:, KEYPOINTS.index("nose_tip")] = truth[:, KEYPOINTS.index("nose_tip")] + 30
    far[:7] = np.inf  # would be noticed: an arm does not predict these
    first, second, *others = effects(
        control, [same, better], there.faces, {"as given": truth, "far": far}
    )
    assert (first.arm, second.arm) == ("same", "better")
    assert first.comparison.low < 0 < first.comparison.high
    assert second.comparison.effect == pytest.approx(-0.5, abs=0.1)
    assert second.comparison.high < 0
    assert second.comparison.pairs == 10
    assert [each.scored_on for each in others] == ["far", "far"]
    assert others[0].comparison.control_rmse == pytest.approx(30, abs=1)
