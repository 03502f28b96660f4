"""What every Level-1 model must do. A new file in fkd_core/models is tested without a new line."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fkd_core.data.faces import Faces
from fkd_core.fitting.steps import Graph, stepper
from fkd_core.models import MODELS, Architecture, from_json, load
from fkd_core.models.base import parameters
from fkd_core.sources import COMPLETE, PARTIAL, SOURCES, Pipeline

BACKEND = os.environ.get("FKD_TEST_BACKEND", "tensorflow")
EVERY = pytest.mark.parametrize("name", MODELS)
BOTH = pytest.mark.parametrize("pipeline", [COMPLETE, PARTIAL], ids=lambda p: p.name)
TAUGHT = pytest.mark.parametrize(
    ("name", "pipeline"),
    [(name, PARTIAL) for name in MODELS]
    + [
        pytest.param(name, COMPLETE, marks=pytest.mark.slow)
        for name in ("lenet5", "naimishnet", "plain", "unet")
    ],
    ids=lambda value: getattr(value, "name", value),
)
"""Every model on one pipeline, since compiling all of them takes minutes; on the other those whose
ends differ."""
REFERENCE = {
    "conv5": ("3.295", "3.284"),
    "conv10": ("28.53", "28.50"),
    "local2d": ("2.487", "2.476"),
    "naimishnet": ("112.3", "29.96"),  # 15 and 4 branches of 7.489
    "inception_v1": ("6.850", "6.783"),
    "inception_v3": ("21.86", "21.82"),
    "lenet5": ("4.105", "4.100"),
    "resnet50": ("23.64", "23.60"),
    "resnet": ("12.41", "12.36"),
    "plain": ("0.132", "0.107"),
    "gated": ("0.287", "0.261"),
    "res": ("0.375", "0.299"),
    "resnext50": ("23.1", "23.1"),  # without 128 million frozen zeros and ones
}
"""Millions of parameters for 30 and 8 outputs, as far as the reference's are known or, for the
compact networks, counted by hand."""
STEPS = 1000
"""Within these a tiny model must learn eight faces by heart."""


def images_of(faces: Faces) -> Any:
    return faces.images[..., None].astype(np.float32)


def predicted(model: Any, images: Any) -> Any:
    return np.asarray(model(images, training=False))


def tiny(name: str, pipeline: Pipeline) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return MODELS[name].tiny().build(pipeline.outputs)


@EVERY
def test_the_docstring_states_the_true_parameter_counts(name: str) -> None:
    counts = tuple(parameters(MODELS[name]().build(p.outputs)) for p in (COMPLETE, PARTIAL))
    for count, published in zip(counts, REFERENCE.get(name, ()), strict=False):
        digits = len(published.partition(".")[2])
        assert f"{count / 1e6:.{digits}f}" == published
    said = " ".join((MODELS[name].__doc__ or "").split())
    assert f"{counts[0]:,} parameters for 30 outputs, {counts[1]:,} for 8" in said


@EVERY
@BOTH
def test_gray_images_become_finite_pixels_near_the_middle(
    name: str, pipeline: Pipeline, faces: Faces
) -> None:
    model = tiny(name, pipeline)
    out = predicted(model, images_of(faces)[:5])
    assert out.shape == (5, pipeline.outputs)
    assert out.dtype == np.float32
    assert (np.abs(out - 47.5) < 200).all()
    assert model.input_shape == (None, 96, 96, 1)


@TAUGHT
def test_a_tiny_one_learns_eight_faces_by_heart(
    name: str, pipeline: Pipeline, faces: Faces
) -> None:
    own = np.flatnonzero(faces.source == list(SOURCES).index(pipeline.name))[:8]
    images = faces.images[own]
    targets = faces.points[own][:, list(pipeline.keypoints)].reshape(8, -1)
    model = stepper(Graph(MODELS[name].tiny(), pipeline.outputs, 8))
    model.reset(0)
    rmse = math.inf
    for step in range(STEPS):
        rate = 1e-3 * (1 + math.cos(math.pi * step / STEPS))
        squares, count = model.step(images, targets, np.float32(rate))
        if step % 50 == 49:
            assert np.isfinite(float(squares))
            assert int(count) == np.isfinite(targets).sum()
            rmse = float(np.sqrt(np.nanmean((model.predict(images) - targets) ** 2)))
            if rmse < 1.0:
                break
    assert rmse < 1.0


def normalising(name: str) -> Architecture | None:
    """A tiny one that normalises over batches and drops nothing, if the model can."""
    made = MODELS[name].tiny()
    names = {field.name for field in fields(made)}
    still: dict[str, Any] = {
        field: tuple(0.0 for _ in value) if isinstance(value, tuple) else 0.0
        for field in names
        if "drop" in field or field == "stochastic_depth"
        for value in [getattr(made, field)]
    }
    if "normalisation" in names:
        return replace(made, **still, normalisation="batch")
    return replace(made, **still) if "momentum" in names else None


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("lenet5", "gated", "res") else pytest.mark.slow)
        for name in MODELS
    ],
)
def test_after_fifty_steps_the_scored_prediction_is_the_trained_one(
    name: str, faces: Faces
) -> None:
    made = normalising(name)
    if made is None:
        pytest.skip(f"{name} does not normalise over batches")
    images, targets = faces.images[:8], faces.points[:8].reshape(8, -1)
    model = stepper(Graph(made, COMPLETE.outputs, 8))
    model.reset(0, np.nanmean(targets, axis=0))
    for _ in range(50):
        model.step(images, targets, np.float32(1e-3))
    scored = model.predict(images)
    model.state()  # brings the Keras model up to date, where steps are of a compiled state
    trained = np.asarray(model.model(images_of(faces)[:8], training=True))
    assert np.sqrt(np.mean((scored - trained) ** 2)) < 2.0


@EVERY
@BOTH
def test_a_saved_model_is_read_back_in_safe_mode_and_predicts_the_same(
    name: str, pipeline: Pipeline, faces: Faces, tmp_path: Path
) -> None:
    model = tiny(name, pipeline)
    model.save(tmp_path / "model.keras")
    again = load(tmp_path / "model.keras")
    images = images_of(faces)[:4]
    np.testing.assert_array_equal(predicted(again, images), predicted(model, images))


@EVERY
@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "tensorflow", reason="exports TensorFlow's format")
def test_a_model_exports_as_a_saved_model_that_predicts_the_same(
    name: str, faces: Faces, tmp_path: Path
) -> None:
    import tensorflow as tf

    model = tiny(name, COMPLETE)
    model.export(tmp_path / "model", format="tf_saved_model", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "model"))
    images = images_of(faces)[:4]
    np.testing.assert_allclose(
        np.asarray(served.serve(images)), predicted(model, images), rtol=1e-5
    )


@EVERY
@BOTH
def test_the_seed_decides_the_first_weights(name: str, pipeline: Pipeline) -> None:
    one, two = (tiny(name, pipeline).get_weights() for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@EVERY
def test_json_gives_every_configuration_back(name: str) -> None:
    for model in (MODELS[name](), MODELS[name].tiny()):
        back = from_json(json.loads(json.dumps(model.to_json())))
        assert back == model
        assert hash(back) == hash(model)


@EVERY
def test_every_hyperparameter_is_documented_and_refused_out_of_range(name: str) -> None:
    source = Path(sys.modules[MODELS[name].__module__].__file__ or "").read_text(encoding="utf-8")
    for field in fields(MODELS[name]):
        assert re.search(rf'^    {field.name}: .*\n    """', source, re.MULTILINE), field.name
        default = field.default
        for wrong in (-1, 10**6, float("nan"), "many"):
            value: Any = tuple(wrong for _ in default) if isinstance(default, tuple) else wrong
            with pytest.raises(ValueError, match=field.name):
                from_json(MODELS[name]().to_json() | {field.name: value})


@EVERY
def test_hyperparameters_of_another_form_are_refused(name: str) -> None:
    for field in fields(MODELS[name]):
        default: Any = field.default
        wrong = [default[0]] if isinstance(default, tuple) else [(default,)]
        if isinstance(default, int):
            wrong.append(default + 0.5)
        for value in wrong:
            with pytest.raises(ValueError, match=field.name):
                replace(MODELS[name](), **{field.name: value})


def test_what_no_model_can_be_is_refused() -> None:
    with pytest.raises(ValueError, match="filters"):
        from_json({"name": "lenet5", "filters": [6]})
    with pytest.raises(ValueError, match="as many of each"):
        from_json({"name": "conv5", "filters": [8, 8]})
    with pytest.raises(ValueError, match="halves the image to nothing"):
        from_json({"name": "conv5", "downsample": 4})
    with pytest.raises(ValueError, match=r"the models are .*lenet5"):
        from_json({"name": "lenet6"})


def test_models_are_found_by_themselves() -> None:
    folder = Path(sys.modules[Architecture.__module__].__file__ or "").parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "base"}
    assert {*MODELS} == files
    assert {*REFERENCE} <= files


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_equal_weights_predict_the_same_under_the_other_backend(
    faces: Faces, tmp_path: Path
) -> None:
    here = {}
    np.save(tmp_path / "images.npy", images_of(faces)[:4])
    # Inception's layers are Keras's own, and take as long to compile as all the others together.
    for name in (name for name in MODELS if "inception" not in name):
        model = tiny(name, PARTIAL if name == "lenet5" else COMPLETE)
        model.save(tmp_path / f"{name}.keras")
        here[name] = predicted(model, images_of(faces)[:4])
    program = (
        "import sys, pathlib, numpy as np, keras\n"
        "from fkd_core.models import load\n"
        "folder = pathlib.Path(sys.argv[1]); images = np.load(folder / 'images.npy')\n"
        "for path in sorted(folder.glob('*.keras')):\n"
        "    model = load(path)\n"
        "    np.save(path.with_suffix('.npy'), np.asarray(model(images, training=False)))\n"
        "print(keras.backend.backend())\n"
    )
    other = "tensorflow" if BACKEND == "jax" else "jax"
    # JAX compiles every initial weight's making for its own shape: minutes, if it optimises them.
    hasty = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env=os.environ | hasty | {"KERAS_BACKEND": other},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.split()[-1:] == [other], run.stderr[-2000:]
    for name, expected in here.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), expected, rtol=1e-4)
