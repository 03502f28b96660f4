"""Level 2 of one pipeline: what is fitted on which faces, and what each member is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fkd_core.data.folds import set_of
from fkd_core.ensemble.score import reckoned
from fkd_core.ensemble.stacking.stack import contributions, stack
from fkd_core.ensemble.stacking.stacker import STACKERS
from fkd_core.ensemble.table import Table

CHEAP = {name: STACKERS[name] for name in ("mean", "weights", "ridge")}


def table(spreads: tuple[float, ...], n: int = 300, seed: int = 3) -> Table:
    """Members whose errors have these spreads in px; four keypoints."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(48, 6, (n, 4, 2)).astype(np.float32)
    said = np.stack([truth + rng.normal(0, spread, truth.shape) for spread in spreads])
    truth[5, 2] = np.nan
    return Table(
        pipeline="partial",
        members=tuple(f"member{number}" for number in range(len(spreads))),
        index=np.arange(n),
        group=rng.integers(0, 2**64, n, np.uint64),
        fold=np.tile(np.arange(n) % 5, (len(spreads), 1)),
        truth=truth,
        plain=(said + rng.normal(0, 0.5, said.shape)).astype(np.float32),
        own=said.astype(np.float32),
        by_part=said[None, :, :7].astype(np.float32),
        other=np.empty((n, 0)),
        test_other=np.empty((7, 0)),
    )


def test_the_mean_ships_where_nothing_beats_it() -> None:
    stacked = stack(table((1.0, 1.0, 1.0)), CHEAP)
    assert stacked.name == "mean"
    assert "nothing beats it" in stacked.reason
    np.testing.assert_allclose(stacked.tests, stacked.table.test.mean(axis=0), atol=1e-4)


def test_what_beats_the_mean_with_confidence_ships() -> None:
    stacked = stack(table((0.5, 3.0, 3.0)), CHEAP)
    assert stacked.name != "mean"
    best = stacked.table.final_pool(stacked.final[stacked.name])
    assert best.mse < 0.5 * stacked.table.final_pool(stacked.final["mean"]).mse


def test_what_a_mean_of_folds_gains_is_reckoned_by_their_variance() -> None:
    whole, rng = table((1.0, 2.0)), np.random.default_rng(0)
    truth = whole.truth[10:17].astype(np.float64)
    by_fold = truth + rng.normal(0.3, 1.5, (5, 2, *truth.shape))
    stacked = stack(replace(whole, by_part=by_fold), CHEAP, "mean")

    one_fold = np.square(by_fold.mean(axis=1) - truth).mean()
    submitted = np.square(stacked.tests - truth).mean()
    assert stacked.spread == pytest.approx(one_fold - submitted, rel=1e-3)
    error = reckoned(float(np.sqrt(one_fold)), {"partial": stacked.spread}, {"partial": 8.0})
    assert error == pytest.approx(np.sqrt(submitted), rel=1e-3)
    assert replace(stacked, table=whole).spread is None, "one part tells nothing"


def test_what_is_asked_for_ships_all_the_same() -> None:
    assert stack(table((0.5, 3.0)), CHEAP, "mean").name == "mean"


def test_labels_of_set_final_change_neither_the_choice_nor_its_predictions() -> None:
    honest = table((0.5, 3.0, 3.0))
    final = set_of(honest.group) == "final"
    spoiled = honest.truth.copy()
    spoiled[final] = np.random.default_rng(0).uniform(0, 96, spoiled[final].shape)
    one, other = stack(honest, CHEAP), stack(replace(honest, truth=spoiled), CHEAP)
    assert one.name == other.name
    for name, predicted in one.final.items():
        np.testing.assert_array_equal(predicted, other.final[name])


def test_what_a_fit_has_to_say_is_kept() -> None:
    stacked = stack(
        table((0.5, 2.0)), {"mean": CHEAP["mean"], "elastic_net": STACKERS["elastic_net"]}
    )
    assert any("relative duality gap" in note for note in stacked.notes["elastic_net"])


def test_every_way_to_run_the_fits_gives_the_same() -> None:
    def backwards(jobs):  # type: ignore[no-untyped-def]
        return [job() for job in jobs[::-1]][::-1]

    here, there = stack(table((0.5, 2.0)), CHEAP), stack(table((0.5, 2.0)), CHEAP, run=backwards)
    np.testing.assert_array_equal(here.tests, there.tests)


def test_a_member_is_worth_what_the_ensemble_loses_without_it() -> None:
    stacked = stack(table((0.5, 3.0, 3.0)), CHEAP)
    good, poor, _ = contributions(stacked, CHEAP[stacked.name])
    assert good.left_out is not None
    assert poor.left_out is not None
    assert good.left_out.low > 0.5
    assert abs(poor.left_out.value) < 0.1
    assert good.out_of_fold == pytest.approx(0.5, rel=0.1)
    assert good.final.low < 0.5 < good.final.high


def test_the_gain_of_augmentation_and_the_correlation_of_errors_are_told() -> None:
    found = contributions(stack(table((1.0, 1.0)), CHEAP, "mean"), CHEAP["mean"])
    for each in found:
        assert each.tta.high < 0  # `plain` has more noise
        assert abs(each.correlation) < 0.2


def test_a_member_alone_has_nobody_to_be_compared_with() -> None:
    (only,) = contributions(stack(table((1.0,)), CHEAP, "mean"), CHEAP["mean"])
    assert only.left_out is None
    assert np.isnan(only.correlation)
