"""A spec says everything that determines a fit, and its key says nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fkd_core.augment.policy import Policy, Step
from fkd_core.data.folds import Split
from fkd_core.fitting.spec import FitSpec, Training, recipe_of
from fkd_core.models import MODELS
from fkd_core.models.conv5 import Conv5
from fkd_core.models.lenet5 import LeNet5

REPOSITORY = Path(__file__).parents[2]
POLICY = Policy((Step("mirror"), Step("gamma", 0.25, None)))
SPEC = FitSpec(
    LeNet5.light(), split=Split(stop_share=0.1), training=Training(patience=5), policy=POLICY
)
OTHER: dict[str, Any] = {
    "pipeline": "partial",
    "keypoints": (0, 10),
    "family": "confirm",
    "limit": 50,
    "schedule": "cosine",
    "choice": "one",
    "backend": "jax",
    "precision": "mixed_bfloat16",
    "patience": None,
    "filters": (7, 16),
    "dense": (128,),
    "dropout": 0.5,
    "activation": "elu",
    "normalisation": "batch",
    "head": "average",
    "downsample": 1,
    "stop_share": 0.2,
    "warmup": 0.1,
    "weight_decay": 0.1,
    "beta_2": 0.9,
    "ema": 0.5,
    "lighter_end": 0.25,
    "learning_rate": 0.5,
    "transform": "shift",
    "probability": 0.125,
    "strength": 0.125,
    "aligned_by": FitSpec(LeNet5.tiny(), split=SPEC.split),
    "share": 0.5,
}
"""Another value for every field where adding 1 would not do."""


def other(name: str, value: Any) -> Any:
    if name in OTHER:
        return OTHER[name]
    return (not value) if isinstance(value, bool) else value + 1


def variants(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(Path of the field, value) for every leaf of nested dataclasses, that leaf changed."""
    for field in fields(value):
        inner = getattr(value, field.name)
        where = f"{path}.{field.name}".strip(".")
        if is_dataclass(inner):
            changes: Any = variants(inner, where)
        elif inner and isinstance(inner, tuple) and is_dataclass(inner[0]):
            changes = ((p, (step, *inner[1:])) for p, step in variants(inner[0], where))
        else:
            changes = [(where, other(field.name, inner))]
        for changed_path, changed in changes:
            yield changed_path, replace(value, **{field.name: changed})


VARIANTS = dict(variants(SPEC))

policies = st.builds(
    Policy,
    st.lists(
        st.builds(
            Step,
            st.sampled_from(["mirror", "rotation", "gamma"]),
            st.floats(0, 1),
            st.none() | st.floats(0, 1),
            st.floats(0.01, 1),
        ),
        max_size=3,
    ).map(tuple),
    st.sampled_from(["all", "one"]),
)
specs = st.builds(
    FitSpec,
    model=st.sampled_from([LeNet5(), LeNet5.light(), Conv5(), Conv5.tiny()]),
    pipeline=st.sampled_from(["complete", "partial"]),
    split=st.builds(
        Split,
        family=st.sampled_from(["search", "confirm", "final", "all"]),
        folds=st.integers(3, 9),
        fold=st.integers(0, 2),
        seed=st.integers(0, 2**63),
        limit=st.none() | st.integers(1, 9999),
        stop_share=st.floats(0.01, 0.5),
    ),
    training=st.builds(
        Training,
        learning_rate=st.floats(1e-9, 10.0),
        ema=st.floats(0, 0.9999),
        warmup=st.floats(0, 0.9),
        patience=st.none() | st.integers(1, 50),
    ),
    policy=policies,
    copies=st.none() | st.integers(1, 99),
    seed=st.integers(0, 2**63),
    xla=st.booleans(),
)


@settings(deadline=None)  # the first key reads the code
@given(specs)
def test_json_gives_the_spec_back_and_its_key(spec: FitSpec) -> None:
    back = FitSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert back == spec
    assert back.key("faces") == spec.key("faces")


@given(specs, specs)
def test_keys_are_equal_exactly_where_specs_are(one: FitSpec, two: FitSpec) -> None:
    assert (one.key("faces") == two.key("faces")) == (one == two)


def test_every_field_is_tried() -> None:
    assert {"split.limit", "training.ema", "model.dense", "policy.steps.strength"} <= {*VARIANTS}
    assert len(VARIANTS) >= 30


@pytest.mark.parametrize("path", VARIANTS)
def test_every_field_changes_the_key(path: str) -> None:
    assert VARIANTS[path] != SPEC
    assert VARIANTS[path].key("faces") != SPEC.key("faces")


def test_other_models_and_other_faces_have_other_keys() -> None:
    keys = {replace(SPEC, model=MODELS[name]()).key("faces") for name in MODELS}
    assert len({*keys, SPEC.key("faces"), SPEC.key("others")}) == len(MODELS) + 2


def test_numbers_that_are_equal_have_equal_keys_however_they_are_written() -> None:
    training = replace(SPEC.training, learning_rate=1, weight_decay=0, ema=0)
    whole = replace(SPEC, training=training, xla=0)
    real = replace(SPEC, training=replace(training, learning_rate=1.0, weight_decay=0.0, ema=0.0))
    assert whole == real
    assert whole.key("faces") == real.key("faces")


def test_the_key_does_not_depend_on_the_process() -> None:
    program = (
        "import json, sys; from fkd_core.fitting.spec import FitSpec\n"
        "print(FitSpec.from_json(json.loads(sys.argv[1])).key('faces'))"
    )
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", program, json.dumps(SPEC.to_json())],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == SPEC.key("faces")


def test_each_model_has_its_own_recipe() -> None:
    recipes = {recipe_of(replace(SPEC, model=model())) for model in MODELS.values()}
    assert len(recipes) == len(MODELS)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"pipeline": "both"}, "pipeline"),
        ({"copies": 0}, "copies"),
        ({"threads": 0}, "threads"),
        ({"backend": "torch"}, "backend"),
        ({"precision": "float16"}, "precision"),
        ({"split": Split()}, "stop_share"),
    ],
)
def test_impossible_specs_are_refused_with_the_field(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        replace(SPEC, **wrong)


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"name": "resnet51"}},
        {"model": {"name": "lenet5", "layers": 3}},
        {"model": {"name": "lenet5", "dense": "wide"}},
        {"model": "lenet5"},
        {"split": {"fold": 7}},
        {"training": {"epoch": 1}},
        {"policy": {}},
        {"shuffle": True},
        {"copies": "many"},
    ],
)
def test_json_that_is_no_spec_is_a_value_error(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        FitSpec.from_json(SPEC.to_json() | change)
