"""What ships predicts as the build did, and a smaller version says what it costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from built_ensemble import Built

from fkd_core.ensemble.predictor import Predictor, save
from fkd_core.ensemble.shipping import shrunk, whole
from fkd_core.ensemble.stacking.stack import Stacked, stack
from fkd_core.ensemble.stacking.stacker import STACKERS
from fkd_core.errors import UserError


@pytest.fixture(scope="module")
def stacked(built: Built) -> dict[str, Stacked]:
    tried = {"mean": STACKERS["mean"], "ridge": STACKERS["ridge"]}
    return {name: stack(table, tried, "ridge", folds=3) for name, table in built.tables.items()}


def test_the_saved_ensemble_predicts_test_images_as_the_build_did(
    built: Built, stacked: dict[str, Stacked], tmp_path: Path
) -> None:
    save(tmp_path, whole(built.ensemble, stacked, built.fits), tta="mirror", made_by={})
    loaded = Predictor.load(tmp_path)
    assert loaded.pipelines == ("complete", "partial")
    assert built.ensemble.test_images is not None
    for name, each in stacked.items():
        predicted = loaded.predict(np.ascontiguousarray(built.ensemble.test_images), name)
        np.testing.assert_allclose(predicted, np.clip(each.tests, 0, 96), atol=5e-3)


def test_a_smaller_ensemble_is_within_its_size_and_says_what_it_costs(
    built: Built, stacked: dict[str, Stacked]
) -> None:
    halves = whole(built.ensemble, stacked, built.fits)
    small = shrunk(halves, stacked, built.fits, 0.2)
    assert [each.half.pipeline for each in small] == ["complete", "partial"]
    for each, half in zip(small, halves, strict=True):
        assert 0 < each.megabytes <= 0.1
        assert len(each.half.members[0].fits) < len(half.members[0].fits)
        assert each.cost.low <= each.cost.value <= each.cost.high


def test_a_size_that_nothing_fits_is_refused(built: Built, stacked: dict[str, Stacked]) -> None:
    with pytest.raises(UserError, match=r"not even one fit.*0\.001 MB are 0\.0005 MB for each"):
        shrunk(whole(built.ensemble, stacked, built.fits), stacked, built.fits, 0.001)
