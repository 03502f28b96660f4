"""Each picture has mean 0 and deviation 1, whatever its light."""

from __future__ import annotations

import numpy as np
import pytest

from fkd_core.layers import Standardise


def test_light_and_contrast_of_a_picture_do_not_matter() -> None:
    picture = np.random.default_rng(0).uniform(0, 100, (1, 48, 48, 1)).astype(np.float32)
    out = np.asarray(Standardise()(np.concatenate([picture, 2 * picture + 30])))
    assert out.mean(axis=(1, 2, 3)) == pytest.approx([0, 0], abs=1e-4)
    assert out.std(axis=(1, 2, 3)) == pytest.approx([1, 1], abs=1e-3)
    np.testing.assert_allclose(out[0], out[1], atol=2e-3)


def test_a_picture_of_one_gray_is_zero() -> None:
    assert not np.asarray(Standardise()(np.full((2, 48, 48, 1), 255, np.float32))).any()
