"""What every search space must do. A new model is tested without a new line, and needs a space."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import optuna
import pytest

from fkd_core.augment.policy import Policy
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models import MODELS
from fkd_core.models.plain import Plain
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.sources import PARTIAL, PIPELINES
from search_spaces import Space, images_a_second, of_model
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS

EVERY = pytest.mark.parametrize("name", MODELS)
SAMPLES, BUILT = 200, 2
COMPACT = Training(
    batch_size=32,
    learning_rate=2e-3,
    schedule="cosine",
    warmup=0.05,
    weight_decay=0.02,
    beta_2=0.99,
)
"""How the networks that the reference has not are trained first."""


def space_of(name: str) -> Space:
    try:
        return of_model(name)
    except ModuleNotFoundError as error:
        if error.name != f"search_spaces.{name}":
            raise
        pytest.fail(f"model {name} has no search space: write search_spaces/{name}.py")


def plans(name: str) -> list[TuningPlan]:
    return [
        TuningPlan(ModelSpace(name), pipeline, budget, Policy(), seed=1)
        for pipeline in PIPELINES
        for budget in BUDGETS.values()
    ]


@cache
def samples(name: str) -> list[dict[str, Any]]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [space_of(name).space(study.ask()) for _ in range(SAMPLES)]


@EVERY
def test_the_reference_is_as_fast_as_its_space_says(name: str) -> None:
    assert images_a_second(MODELS[name]()) == space_of(name).IMAGES_A_SECOND


def test_wider_networks_are_slower() -> None:
    fast, slow = images_a_second(Plain()), images_a_second(Plain(width=24))
    assert fast / slow == pytest.approx(2.0, abs=0.05), "as measured: 720 and 360 a second"


@EVERY
@pytest.mark.filterwarnings("error")  # what Optuna does about a value outside its range
def test_the_reference_rebuilds_the_default_model_and_training(name: str) -> None:
    assert space_of(name).IMAGES_A_SECOND > 0
    for plan in plans(name):
        spec = plan.reference
        assert spec.model == MODELS[name]()
        epochs = plan.budget.epochs
        if name in ("plain", "gated", "res", "unet"):
            own = {"learning_rate": 3e-3, "weight_decay": 0.3} if name == "gated" else {}
            assert spec.training == replace(COMPACT, epochs=epochs, **own)
            assert plan.hypothesis == spec
        else:
            patience = max(10, epochs // 10)
            assert spec.training == replace(Training(), epochs=epochs, patience=patience)
            assert plan.hypothesis.training.batch_size == 32


@EVERY
def test_every_parameter_of_the_reference_is_asked_for(name: str) -> None:
    reference = space_of(name).REFERENCE
    for left_out in reference:
        rest = {key: value for key, value in reference.items() if key != left_out}
        with pytest.raises(ValueError, match=f"'{left_out}'"):
            space_of(name).space(optuna.trial.FixedTrial(rest))


@EVERY
def test_every_sample_is_a_valid_fit(name: str) -> None:
    for values in samples(name):
        for plan in plans(name):
            spec = plan.spec(values)
            assert isinstance(spec.model, MODELS[name])
            assert FitSpec.from_json(spec.to_json()) == spec


@EVERY
def test_the_file_says_what_is_asked_why_and_at_what_cost(name: str) -> None:
    doc = space_of(name).__doc__ or ""
    assert doc.splitlines()[0].endswith("?"), "the first line is the question"
    said = " ".join(doc.split())
    for part in ("Hypothesis: ", "Scientific: ", "Nuisance: ", "Reference, tried first: "):
        assert said.count(part) == 1, part
    assert "Cost: a fit of 60 epochs on " in said
    assert f"    python experiments/tune_models.py --models {name} --data FOLDER" in doc


@EVERY
@pytest.mark.slow
def test_samples_keep_positions_up_to_the_head(name: str) -> None:
    for values in samples(name)[:BUILT]:
        model = values["model"].build(PARTIAL.outputs)
        assert model.output_shape == (None, PARTIAL.outputs)
        for layer in model.layers:
            assert all(size > 0 for size in layer.output.shape[1:]), layer.name
            if type(layer).__name__ == "SoftArgmax":
                assert layer.input.shape[1] > 1, "an expected position needs positions"
