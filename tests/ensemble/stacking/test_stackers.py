"""What every stacker promises, and what each promises besides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import MultiTaskElasticNet

from fkd_core.ensemble.stacking import elastic_net
from fkd_core.ensemble.stacking.features import Inputs, Standardiser, products
from fkd_core.ensemble.stacking.linear import Linear, Weights
from fkd_core.ensemble.stacking.neural import Neural
from fkd_core.ensemble.stacking.shrunk import Ridge
from fkd_core.ensemble.stacking.sparse import ElasticNet
from fkd_core.ensemble.stacking.stacker import STACKERS, Fitted, from_arrays, to_arrays

N, M, P = 150, 3, 8
Array = NDArray[np.float64]
STACKERS_HERE = STACKERS | {"neural": Neural(alphas=(1.0,), epochs=(0, 20, 40), seeds=2)}
"""As they come, but for a net that is quick."""
every_stacker = pytest.mark.parametrize("name", STACKERS)


def _made(
    n: int = N, noise: tuple[float, ...] = (0.3, 2.0, 2.0), e: int = 0, seed: int = 0
) -> tuple[Inputs, Array, NDArray[np.uint64]]:
    """Faces of a shape model; members share one error, and each has its own besides."""
    random = np.random.default_rng(seed)
    shapes = np.random.default_rng(99).normal(size=(3, P)) * 3
    truth = 48 + random.normal(size=(n, 3)) @ shapes
    shared = truth + random.normal(size=(n, P)) * 0.3
    own = np.stack([shared + random.normal(size=(n, P)) * own for own in noise], axis=1)
    other = truth[:, :1] + random.normal(size=(n, e))
    return Inputs(own, other), truth, np.arange(n, dtype=np.uint64) // 2


@cache
def _fitted(name: str) -> Fitted:
    return STACKERS_HERE[name].fit(*_made())


def _rmse(predicted: Array, truth: Array) -> float:
    return float(np.sqrt(((predicted - truth) ** 2).mean()))


def test_the_stackers_are_the_six_known_ones() -> None:
    assert list(STACKERS) == ["mean", "weights", "ridge", "lasso", "elastic_net", "neural"]
    assert all(stacker.name == name for name, stacker in STACKERS.items())


@every_stacker
def test_predictions_have_the_shape_of_the_targets_and_are_finite(name: str) -> None:
    inputs, _, _ = _made(20, seed=1)

    predicted = _fitted(name).predict(inputs)

    assert predicted.shape == (20, P)
    assert predicted.dtype == np.float64
    assert np.isfinite(predicted).all()


@every_stacker
def test_equal_data_give_an_equal_fit(name: str) -> None:
    first, second = to_arrays(_fitted(name)), to_arrays(STACKERS_HERE[name].fit(*_made()))

    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


@every_stacker
def test_a_much_better_member_is_made_use_of(name: str) -> None:
    inputs, truth, _ = _made(seed=1)

    gained = _rmse(inputs.mean, truth) - _rmse(_fitted(name).predict(inputs), truth)

    assert gained == 0 if name == "mean" else gained > 0.2


@every_stacker
def test_a_face_is_predicted_alike_in_any_company(name: str) -> None:
    inputs, _, _ = _made(20, seed=1)
    fitted, order = _fitted(name), np.random.default_rng(0).permutation(20)

    together = fitted.predict(inputs)

    np.testing.assert_allclose(fitted.predict(inputs.take(order)), together[order], rtol=1e-10)
    np.testing.assert_allclose(fitted.predict(inputs.take(slice(7, 8))), together[[7]], rtol=1e-10)


@every_stacker
def test_a_fit_comes_back_from_a_plain_file(name: str, tmp_path: Path) -> None:
    inputs, _, _ = _made(20, seed=1)
    fitted = _fitted(name)

    np.savez(tmp_path / "fit.npz", allow_pickle=False, **to_arrays(fitted))
    with np.load(tmp_path / "fit.npz", allow_pickle=False) as arrays:
        back = from_arrays(arrays)

    np.testing.assert_array_equal(back.predict(inputs), fitted.predict(inputs))
    assert back.notes == fitted.notes
    assert type(back) is type(fitted)


@every_stacker
def test_damaged_arrays_are_refused(name: str) -> None:
    arrays = to_arrays(_fitted(name))
    damaged: list[dict[str, NDArray[Any]]] = [arrays | {"extra": np.zeros(1)}, {}]
    damaged.append(arrays | {"kind": np.array("pickle")})
    for key, array in arrays.items():
        damaged.append({k: v for k, v in arrays.items() if k != key})
        damaged.append(arrays | {key: np.zeros((2, 3, 4, 5))})
        damaged.append(arrays | {key: np.array("damaged")})
        if array.dtype.kind == "f" and array.size:
            damaged.append(arrays | {key: np.full_like(array, np.nan)})
    damaged.append(arrays | {"columns": arrays["columns"] + 10_000, "shape": np.array([1, 1, 0])})

    for broken in damaged:
        with pytest.raises(ValueError):
            from_arrays(broken)


@every_stacker
def test_what_is_not_finite_is_refused(name: str) -> None:
    inputs, truth, group = _made(20)
    truth[3, 2] = np.nan

    with pytest.raises(ValueError, match="finite"):
        STACKERS_HERE[name].fit(inputs, truth, group)


@every_stacker
def test_shapes_that_disagree_are_refused(name: str) -> None:
    inputs, truth, group = _made(20)

    with pytest.raises(ValueError, match="targets must be"):
        STACKERS_HERE[name].fit(inputs, truth[:, :-1], group)
    with pytest.raises(ValueError, match="group"):
        STACKERS_HERE[name].fit(inputs, truth, group[:-1])
    with pytest.raises(ValueError, match="fitted on"):
        _fitted(name).predict(inputs.without(0))
    with pytest.raises(ValueError, match="at least one"):
        STACKERS_HERE[name].fit(inputs.take(slice(0)), truth[:0], group[:0])


@every_stacker
def test_notes_are_sentences_for_people(name: str) -> None:
    notes = _fitted(name).notes

    assert all(isinstance(note, str) and note for note in notes)
    assert bool(notes) == (name != "mean")


@every_stacker
def test_one_member_alone_is_enough(name: str) -> None:
    inputs, truth, group = _made(60, noise=(1.0,))

    predicted = STACKERS_HERE[name].fit(inputs, truth, group).predict(inputs)

    assert predicted.shape == truth.shape
    assert _rmse(predicted, truth) < 1.3 * _rmse(inputs.mean, truth)


@every_stacker
def test_the_other_pipeline_may_take_part(name: str) -> None:
    inputs, truth, group = _made(60, e=4)

    fitted = STACKERS_HERE[name].fit(inputs, truth, group)

    assert np.isfinite(fitted.predict(inputs)).all()
    with pytest.raises(ValueError, match="fitted on"):
        fitted.predict(Inputs(inputs.own, inputs.other[:, :2]))


@every_stacker
def test_identical_members_do_no_harm(name: str) -> None:
    inputs, truth, group = _made(60, noise=(1.0,))
    thrice = Inputs(inputs.own.repeat(3, axis=1), inputs.other)

    predicted = STACKERS_HERE[name].fit(thrice, truth, group).predict(thrice)

    assert _rmse(predicted, truth) < 1.3 * _rmse(inputs.mean, truth)


@pytest.mark.parametrize("name", ["ridge", "lasso", "elastic_net", "neural"])
def test_who_chooses_by_cross_validation_needs_two_image_groups(name: str) -> None:
    inputs, truth, group = _made(20)

    with pytest.raises(ValueError, match="2 image groups"):
        STACKERS_HERE[name].fit(inputs, truth, np.zeros_like(group))


def test_weights_are_found_again_and_are_convex() -> None:
    inputs, _, group = _made()
    truth = 0.7 * inputs.own[:, 0] + 0.3 * inputs.own[:, 2]
    negative = 1.5 * inputs.own[:, 0] - 0.5 * inputs.own[:, 1]

    found = Weights().fit(inputs, truth, group).notes
    bounded = Weights().fit(inputs, negative, group).notes

    assert found == ("weights 0.700, 0.000, 0.300",)
    assert bounded == ("weights 1.000, 0.000, 0.000",)


def test_ridge_of_infinite_alpha_is_the_plain_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, truth, group = _made()
    monkeypatch.setattr(Ridge, "ALPHAS", (np.inf,))

    np.testing.assert_array_equal(Ridge().fit(inputs, truth, group).predict(inputs), inputs.mean)


def test_the_elastic_net_drops_duplicates_and_says_so() -> None:
    inputs, truth, group = _made()
    twice = Inputs(inputs.own[:, [0, 1, 1]], inputs.other)

    fitted = ElasticNet(alpha=0.1, l1_ratio=1.0).fit(twice, truth, group)

    assert "72 of 108 columns kept (dropped: 0 constant, 36 duplicate)" in fitted.notes


@pytest.mark.parametrize("standardise", [True, False])
def test_a_fixed_recipe_is_solved_without_cross_validation(standardise: bool) -> None:
    inputs, truth, group = _made()
    x = products(inputs)
    x = Standardiser.fit(x, scaled=standardise).apply(x)
    alpha = 0.1 if standardise else 100.0

    recipe = ElasticNet(alpha=alpha, l1_ratio=1.0, standardise=standardise)
    fitted = recipe.fit(inputs, truth, np.zeros_like(group))

    other = MultiTaskElasticNet(alpha=alpha, l1_ratio=1.0, tol=1e-8, max_iter=100_000)
    np.testing.assert_allclose(fitted.predict(inputs), other.fit(x, truth).predict(x), atol=2e-2)
    assert fitted.notes[0] == f"alpha {alpha}, l1_ratio 1.0"


def test_the_elastic_net_keeps_active_columns_only() -> None:
    fitted = _fitted("elastic_net")

    assert isinstance(fitted, Linear)
    assert fitted.coef.any(axis=1).all()
    assert f"{len(fitted.columns)} active rows" in fitted.notes
    assert any("relative duality gap" in note for note in fitted.notes)


def test_an_elastic_net_that_did_not_converge_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, truth, group = _made()
    solve = elastic_net.solve

    def stopped(*args: Any, **options: Any) -> elastic_net.Solution:
        return replace(solve(*args, **options), gap=5e-5, converged=False)

    monkeypatch.setattr(elastic_net, "solve", stopped)

    notes = ElasticNet(alpha=0.5, l1_ratio=1.0).fit(inputs, truth, group).notes

    assert "NOT CONVERGED: relative duality gap 5.0e-05, 50 times the tolerance" in notes


def test_the_path_ends_when_smaller_alphas_stop_helping(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, _, group = _made(60)
    noise = np.random.default_rng(5).normal(48, 1, (60, P))
    path, steps = elastic_net.path, 0

    def counted(*args: Any, **options: Any) -> Iterator[elastic_net.Solution]:
        nonlocal steps
        for solution in path(*args, **options):
            steps += 1
            yield solution

    monkeypatch.setattr(elastic_net, "path", counted)

    ElasticNet(l1_ratio=1.0).fit(inputs, noise, group)

    folds = ElasticNet.FOLDS
    assert folds * (1 + ElasticNet.PATIENCE) <= steps < folds * ElasticNet.STEPS / 2


def test_an_elastic_net_of_constant_predictions_is_the_training_mean() -> None:
    _, truth, group = _made(20)
    inputs = Inputs(np.full((20, 2, P), 48.0), np.empty((20, 0)))

    fitted = ElasticNet().fit(inputs, truth, group)

    np.testing.assert_allclose(fitted.predict(inputs), truth.mean(axis=0)[None].repeat(20, 0))
    assert "0 active rows" in fitted.notes
