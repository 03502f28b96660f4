"""Stackers are judged on what they never saw, and the plain mean stands until it is beaten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from fkd_core.ensemble.stacking.base import Group, grouped_folds
from fkd_core.ensemble.stacking.choice import Judged, chosen, explained, judge
from fkd_core.ensemble.stacking.features import Array, Inputs
from fkd_core.ensemble.stacking.stacker import STACKERS, Fitted, Stacker
from fkd_core.evidence.pooled import Estimate, Pool, difference

P = 8
QUICK = {name: STACKERS[name] for name in ("mean", "weights", "ridge")}


def _made(
    n: int = 150, noise: tuple[float, ...] = (0.3, 2.0, 2.0), seed: int = 0
) -> tuple[Inputs, Array, NDArray[np.uint64]]:
    random = np.random.default_rng(seed)
    truth = 48 + random.normal(size=(n, 3)) @ random.normal(size=(3, P)) * 3
    own = np.stack([truth + random.normal(size=(n, P)) * own for own in noise], axis=1)
    return Inputs(own, np.empty((n, 0))), truth, np.arange(n, dtype=np.uint64) // 3


@dataclass(frozen=True)
class Spy(Stacker):
    """Remembers the image groups it was fitted on."""

    name: ClassVar[str] = "spy"
    seen: ClassVar[list[NDArray[np.uint64]]] = []

    def _fit(self, inputs: Inputs, targets: Array, group: Group) -> Fitted:
        self.seen.append(group)
        return STACKERS["mean"].fit(inputs, targets, group)


def test_every_stacker_is_judged_once_and_the_plain_mean_first() -> None:
    inputs, truth, group = _made()
    done: list[str] = []

    judged = judge(
        {"ridge": STACKERS["ridge"]},
        inputs,
        truth,
        group,
        on_done=lambda name, seconds: done.append(name),
    )

    assert [one.name for one in judged] == done == ["mean", "ridge"]
    mean, ridge = judged
    np.testing.assert_allclose(mean.predictions, inputs.mean)
    assert mean.rmse.value == pytest.approx(np.sqrt(((inputs.mean - truth) ** 2).mean()))
    assert mean.difference is None
    assert ridge.difference is not None
    assert ridge.difference.value == pytest.approx(ridge.rmse.value - mean.rmse.value)
    assert ridge.seconds > 0


def test_no_stacker_sees_an_image_group_that_it_is_judged_on() -> None:
    inputs, truth, group = _made()
    Spy.seen.clear()

    judge({"spy": Spy()}, inputs, truth, group, folds=5)

    held = [np.setdiff1d(group, seen) for seen in Spy.seen]
    assert len(held) == 5
    np.testing.assert_array_equal(np.sort(np.concatenate(held)), np.unique(group))


def test_targets_of_held_out_faces_do_not_change_their_predictions() -> None:
    inputs, truth, group = _made()
    _, held = grouped_folds(group, 0)[2]
    changed = truth.copy()
    changed[held] = np.random.default_rng(1).uniform(0, 96, (len(held), P))

    before, after = judge(QUICK, inputs, truth, group), judge(QUICK, inputs, changed, group)

    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.predictions[held], other.predictions[held])
    assert not np.array_equal(before[1].predictions, after[1].predictions)


def test_faces_without_all_labels_are_predicted_and_scored_but_do_not_train() -> None:
    inputs, truth, group = _made()
    partly = truth.copy()
    partly[::5, :4] = np.nan
    partly[1] = np.nan
    Spy.seen.clear()

    judged = judge({"spy": Spy(), "weights": STACKERS["weights"]}, inputs, partly, group)

    trained = np.concatenate(Spy.seen)
    assert len(trained) == 4 * np.isfinite(partly).all(axis=1).sum()
    for one in judged:
        error = one.predictions - partly
        assert np.isfinite(one.predictions).all()
        assert one.rmse.value == pytest.approx(np.sqrt(np.nanmean(error**2)))


def test_equal_data_are_judged_alike_and_another_seed_draws_other_folds() -> None:
    inputs, truth, group = _made()

    first, again, other = (judge(QUICK, inputs, truth, group, seed=seed) for seed in (0, 0, 1))

    assert [one.rmse for one in first] == [one.rmse for one in again]
    assert first[2].rmse != other[2].rmse


def test_the_best_of_those_that_surely_beat_the_mean_is_chosen() -> None:
    judged = judge(QUICK, *_made())

    choice = chosen(judged)

    assert choice.name != "mean"
    assert choice.beats_mean
    assert choice.rmse.value == min(one.rmse.value for one in judged)
    assert f"{choice.name}, RMSE {choice.rmse.value:.4f} px" in explained(judged)


def test_equally_good_members_leave_the_plain_mean_chosen() -> None:
    judged = judge(QUICK, *_made(noise=(1.0, 1.0, 1.0)))

    assert chosen(judged).name == "mean"
    assert "nothing beats it with confidence" in explained(judged)


@pytest.mark.parametrize("name", STACKERS)
def test_targets_that_predictions_know_nothing_of_are_not_predicted(name: str) -> None:
    inputs, _, group = _made(90)
    unknown = np.random.default_rng(7).normal(48, 2, (90, P))
    constant = np.empty_like(unknown)
    for train, held in grouped_folds(group, 0, 3):
        constant[held] = unknown[train].mean(axis=0)

    predictions = judge({name: STACKERS[name]}, inputs, unknown, group, folds=3)[-1].predictions

    def pool(predicted: Array) -> list[Pool]:
        return [Pool.of_points(predicted.reshape(90, -1, 2), unknown.reshape(90, -1, 2), group)]

    gain = difference(pool(predictions), pool(constant), level=1 - 0.05 / len(STACKERS))
    assert gain.high >= 0


def test_more_stackers_need_stronger_evidence() -> None:
    data = _made(noise=(0.9, 1.0, 1.1))

    alone = judge({"weights": STACKERS["weights"]}, *data)[1].difference
    among = judge(QUICK, *data)[1].difference

    assert alone is not None
    assert among is not None
    assert alone.value == among.value
    assert among.low < alone.low < alone.high < among.high


def _judged(name: str, rmse: float, interval: tuple[float, float, float] | None) -> Judged:
    apart = None if interval is None else Estimate(*interval)
    return Judged(name, np.zeros((1, 2)), Estimate(rmse, rmse, rmse), apart, 0.0)


def test_a_lower_error_without_confidence_is_not_chosen() -> None:
    judged = [
        _judged("mean", 2.0, None),
        _judged("lucky", 1.5, (-0.5, -1.0, 0.1)),
        _judged("sure", 1.8, (-0.2, -0.3, -0.1)),
        _judged("close", 1.81, (-0.19, -0.25, -0.05)),
        _judged("far", 1.95, (-0.05, -0.06, -0.04)),
    ]

    assert chosen(judged).name == "sure"
    assert explained(judged) == (
        "sure, RMSE 1.8000 px: 0.2000 px better than the plain mean's 2.0000"
        " (difference -0.3000 to -0.1000); near: lucky (-0.5000), close (-0.1900)."
    )
    assert explained(judged[:2]) == (
        "mean, RMSE 2.0000 px: nothing beats it with confidence; near: lucky (-0.5000)."
    )


def test_without_the_plain_mean_nothing_is_chosen() -> None:
    with pytest.raises(ValueError, match="plain mean"):
        chosen([_judged("lucky", 1.5, (-0.5, -1.0, 0.1))])


def test_targets_of_another_shape_are_refused() -> None:
    inputs, truth, group = _made(20)

    with pytest.raises(ValueError, match="targets must be"):
        judge(QUICK, inputs, truth[:, :6], group)
