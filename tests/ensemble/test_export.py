"""Exported models give the pixels of the Keras model, or are not there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_ensemble import half, images

from fkd_core.ensemble.export import KINDS, TOLERANCE, export
from fkd_core.ensemble.predictor import save
from fkd_core.ensemble.trained import TrainedMember
from fkd_core.ensemble.views import VIEWS
from fkd_core.errors import UserError
from fkd_core.keypoints import KEYPOINTS
from fkd_core.models import MODELS
from fkd_core.models.base import Architecture
from fkd_core.models.lenet5 import LeNet5
from fkd_core.models.unet import UNet
from fkd_core.sources import PARTIAL, SOURCES

SHOWN = images(3)

OF_EVERY_KIND = ("local2d", "naimishnet", "inception_v1", "resnext50", "gated", "res", "unet")
"""Models that together have every kind of layer."""


@pytest.fixture(autouse=True)
def _on_tensorflow(backend: str) -> Iterator[None]:
    if backend != "tensorflow":
        pytest.skip("models are exported under TensorFlow")
    return (yield)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensemble(tmp_path_factory.mktemp("ensemble"), ("lenet5", "local2d"))


MADE_BY = {"command": "fkd ensemble", "data": "0123"}


def measured(member: TrainedMember) -> TrainedMember:
    return replace(member, rmse_mirrored=2.5)


def ensemble(folder: Path, models: tuple[str, ...]) -> Path:
    halves = [half(name, models, fits=1) for name in ("complete", "partial")]
    halves = [replace(h, members=tuple(map(measured, h.members))) for h in halves]
    save(folder, halves, tta="mirror", made_by=MADE_BY)
    return folder


def run(kind: str, path: Path, shown: Any) -> Any:
    """What the exported model says of gray levels, run as its users do."""
    gray = shown[..., None].astype(np.float32)
    if kind == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (wanted,) = session.get_inputs()
        assert (wanted.type, wanted.shape[1:]) == ("tensor(float)", [96, 96, 1])
        return session.run(["pixels"], {"gray": gray})[0]
    import tensorflow as tf

    if kind == "savedmodel":
        signature = tf.saved_model.load(str(path)).signatures["serving_default"]
        return signature(gray=tf.constant(gray))["pixels"].numpy()
    interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    said = []
    for face in gray:  # one at a time, as on a phone
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], face[None])
        interpreter.invoke()
        said.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    return np.stack(said)


def check(models: tuple[str, ...], model: str, kind: str, folder: Path, out: Path) -> None:
    """Exports and compares with the fit itself, asked about pictures and their mirror pictures."""
    told: list[str] = []
    assert export(folder, kind, out, "partial", model, say=told.append) == out
    (line,) = told
    assert line.startswith(str(out))
    member = next(m for m in half("partial", models, fits=1).members if m.name == model)
    expected = member.predict(SHOWN, VIEWS["mirror"]).reshape(3, 8)
    np.testing.assert_allclose(run(kind, out, SHOWN), expected, atol=KINDS[kind].tolerance)
    assert list(out.parent.glob(".*")) == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_model_gives_the_same_pixels(folder: Path, kind: str, tmp_path: Path) -> None:
    out = tmp_path / "new" / "lenet5"
    check(("lenet5", "local2d"), "lenet5", kind, folder, out)
    card = json.loads((tmp_path / "new" / "lenet5.card.json").read_text())
    assert (card["model"], card["pipeline"]) == ("lenet5", "partial")
    assert card["input"]["range"] == [0, 255]
    points = [KEYPOINTS[k] for k in SOURCES["partial"].keypoints]
    assert card["output"]["order"] == [f"{name}_{axis}" for name in points for axis in "xy"]
    assert (card["rmse_out_of_fold"], card["form"]) == (2.5, kind)
    assert card["made_by"] == MADE_BY
    assert "MIT" in card["licence"]
    inside = {"onnx": _in_onnx, "savedmodel": _in_savedmodel}.get(kind)
    assert inside is None or inside(out) == card


def _in_onnx(path: Path) -> Any:
    import onnx

    props = {each.key: each.value for each in onnx.load(path).metadata_props}
    texts = ("model", "form", "pipeline", "rmse_meaning", "licence")
    return {k: v if k in texts else json.loads(v) for k, v in props.items()}


def _in_savedmodel(path: Path) -> Any:
    return json.loads((path / "assets.extra" / "card.json").read_text())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("model", "kind"),
    # Saved models of all are in the models' own suite.
    [(model, "onnx") for model in MODELS] + [(model, "tflite") for model in OF_EVERY_KIND],
)
def test_every_architecture_can_be_exported(model: str, kind: str, tmp_path: Path) -> None:
    check((model,), model, kind, ensemble(tmp_path / "ensemble", (model,)), tmp_path / "exported")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["onnx", "tflite"])
@pytest.mark.parametrize(
    "model",
    [replace(LeNet5.tiny(), head="soft_argmax"), replace(UNet.tiny(), says="simcc")],
    ids=lambda model: model.name,
)
def test_ends_that_are_not_the_default_can_be_exported(
    model: Architecture, kind: str, tmp_path: Path
) -> None:
    built = model.build(PARTIAL.outputs)
    gray = SHOWN[..., None].astype(np.float32)
    expected = np.asarray(built(gray, training=False))
    said = KINDS[kind].write(built, tmp_path / "made")(gray)
    np.testing.assert_allclose(said, expected, atol=TOLERANCE)


def test_the_first_member_is_the_default(folder: Path, tmp_path: Path) -> None:
    export(folder, "savedmodel", tmp_path / "default")
    export(folder, "savedmodel", tmp_path / "lenet5", model="lenet5")
    said = [run("savedmodel", tmp_path / name, SHOWN) for name in ("default", "lenet5")]
    np.testing.assert_array_equal(said[0], said[1])
    assert said[0].shape == (3, 30)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_differs_from_keras_is_not_written(
    folder: Path, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(model: Any, path: Path) -> Any:
        path.write_bytes(b"wrong")
        return lambda gray: np.asarray(model(gray)) + 2 * KINDS[kind].tolerance

    told = f"differs by {2 * KINDS[kind].tolerance:g} px"
    monkeypatch.setitem(KINDS, kind, replace(KINDS[kind], write=off))
    with pytest.raises(UserError, match=told):
        export(folder, kind, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_gives_no_number_is_not_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(model: Any, path: Path) -> Any:
        return lambda gray: np.full((6, 30), np.nan)

    monkeypatch.setitem(KINDS, "tflite", replace(KINDS["tflite"], write=lost))
    with pytest.raises(UserError, match="differs by nan"):
        export(folder, "tflite", tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_its_remedy(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(UserError, match=r"tf2onnx is not installed; run .*export"):
        export(folder, "onnx", tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("kind", "pipeline", "model", "complaint"),
    [
        ("coreml", "complete", None, "coreml.*onnx, tflite, tflite16, savedmodel"),
        ("onnx", "profile", None, "profile.*complete, partial"),
        ("onnx", "complete", "resnet", "resnet.*lenet5, local2d"),
    ],
)
def test_what_is_unknown_is_refused_with_what_is_known(
    folder: Path, kind: str, pipeline: str, model: str | None, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=complaint):
        export(folder, kind, tmp_path / "model", pipeline, model)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_is_never_replaced(folder: Path, kind: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(UserError, match="mine is there already"):
        export(folder, kind, tmp_path / "mine")
    assert [path.name for path in tmp_path.rglob("*.tex")] == ["thesis.tex"]
