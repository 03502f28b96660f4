"""export: one model of an ensemble in a form that other programs run without this package."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core import needs
from fkd_core.ensemble.card import attach, card
from fkd_core.ensemble.predictor import Predictor
from fkd_core.ensemble.trained import TrainedMember, here, whoever_imported_keras
from fkd_core.errors import UserError
from fkd_core.files import whole_file
from fkd_core.fitting.predict import model_of
from fkd_core.fitting.runtime import silence
from fkd_core.keypoints import IMAGE_SIZE

TOLERANCE = 1e-2
"""Pixels; an exported model that is further from the Keras model anywhere is not kept. A point far
off the picture may be off by the same share of its distance, for that is float32's rounding."""
TOLERANCE_16 = 0.3
"""The same for weights of 16 bits."""

Gray = NDArray[np.float32]
"""Gray levels 0..255 [n, 96, 96, 1]."""
Runner = Callable[[Gray], NDArray[np.float32]]


@dataclass(frozen=True)
class Kind:
    """A form of export."""

    write: Callable[[Any, Path], Runner]
    """Writes a Keras model to a path and gives back what runs it from there."""
    ending: str
    """Of the file's name."""
    tolerance: float = TOLERANCE


def export(
    folder: Path,
    kind: str,
    out: Path,
    pipeline: str = "complete",
    model: str | None = None,
    *,
    say: Callable[[str], object] = print,
    step: Callable[[str, float], object] = lambda what, seconds: None,
) -> Path:
    """Writes the first fit of one member, by default the first, and returns `out`.

    What it takes, says and errs by is in ``<out>.card.json`` beside it, in the metadata of an
    ONNX file and among the extra assets of a SavedModel.

    `kind` is a name in KINDS. What is exported maps ``gray``, levels 0..255 as float32
    [n, 96, 96, 1] for any n, to ``pixels`` [n, 2p], x and y of each keypoint in order and in the
    style of `pipeline`: a joint model's other styles are left out. They are the mean of what the
    fit says of each picture and of its mirror picture. It computes in float32 whatever
    the model was trained in. Before it takes its name it is run on random and flat images, and
    `say` gets one line on how far it is from the Keras model, and `step` before each part of the
    work what it is and about how many seconds it takes. Needs a process where Keras runs on
    TensorFlow or is not yet imported (else RuntimeError).

    Raises UserError for an unknown kind, pipeline or model, a missing package, a folder in the
    way, or pixels that differ from the Keras model's by the kind's tolerance or more: then nothing
    is there.
    """
    if kind not in KINDS:
        raise UserError(f"{kind!r} is no form of export; choose one of {', '.join(KINDS)}")
    if out.is_dir() or (out.exists() and kind == "savedmodel"):
        raise UserError(f"{out} is there already, and no {kind} takes its place; name another")
    predictor = Predictor.load(folder)
    member = _member(predictor, folder, pipeline, model)
    needs.check(needs.export(kind))
    step(f"starting Keras, building {member.name}", 10.0)
    keras_model = _model(member, pipeline)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as beside, _quiet():
        step(f"converting it to {kind}, and comparing what both say", 10.0)
        made, images = Path(beside) / "exported", _images()
        expected = np.asarray(keras_model(images, training=False))
        far = np.maximum(1, np.abs(expected) / IMAGE_SIZE)
        apart = (np.abs(KINDS[kind].write(keras_model, made)(images) - expected) / far).max()
        if not apart < KINDS[kind].tolerance:  # NaN counts as apart
            raise UserError(
                f"{out} is not written: as {kind} the model differs by {apart:.2g} px from Keras; "
                f"choose another form of {', '.join(KINDS)}"
            )
        attach(card(member, pipeline, kind, predictor.made_by), kind, made, out)
        _move(made, out)
    say(f"{out}: at most {apart:.1e} px from the Keras model")
    return out


def _savedmodel(model: Any, path: Path) -> Runner:
    import tensorflow as tf

    module, serve = _module(model)
    tf.saved_model.save(module, str(path), signatures=serve)
    loaded = tf.saved_model.load(str(path))
    return lambda images: np.asarray(loaded.serve(images)["pixels"])


def _tflite(model: Any, path: Path, halved: bool = False) -> Runner:
    import tensorflow as tf

    module, serve = _module(model)
    concrete = [serve.get_concrete_function()]
    converter = tf.lite.TFLiteConverter.from_concrete_functions(concrete, module)
    if halved:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    path.write_bytes(converter.convert())
    interpreter = tf.lite.Interpreter(str(path))

    def run(images: Gray) -> NDArray[np.float32]:
        gray, pixels = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        interpreter.resize_tensor_input(gray["index"], images.shape)
        with silence():  # which delegate it takes
            interpreter.allocate_tensors()
        interpreter.set_tensor(gray["index"], images)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(pixels["index"]))

    return run


def _onnx(model: Any, path: Path) -> Runner:
    """Converts a graph whose weights are inputs, and then makes them constants.

    Given as constants from the beginning, tf2onnx copies them again and again: 114 MB of weights
    took 5.5 GB of memory.
    """
    import tensorflow as tf

    onnx, onnxruntime, tf2onnx = map(importlib.import_module, needs.ONNX)
    trained, others = model.trainable_variables, model.non_trainable_variables
    weights = {f"weight{number:04d}": each for number, each in enumerate(trained + others)}

    def serve(gray: Any, *values: Any) -> dict[str, Any]:
        first, rest = values[: len(trained)], values[len(trained) :]
        return {"pixels": model.stateless_call(first, rest, gray, training=False)[0]}

    specs = [tf.TensorSpec(each.shape, each.dtype, name) for name, each in weights.items()]
    signature = [_gray_spec(), *specs]
    made, _ = tf2onnx.convert.from_function(
        tf.function(serve, input_signature=signature), signature
    )
    inputs = {each.name: each for each in made.graph.input}
    used = {name for node in made.graph.node for name in node.input}
    del made.graph.input[:]
    made.graph.input.append(inputs.pop("gray"))
    made.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.asarray(weights[name]), name)
        for name in inputs
        if name in used  # runtimes warn of others
    )
    for end in (*made.graph.input, *made.graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = "n"
    onnx.save(made, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run(["pixels"], {"gray": images})[0])


def _module(model: Any) -> tuple[Any, Any]:
    """What TensorFlow saves: the weights, and the function from ``gray`` to ``pixels``."""
    import tensorflow as tf

    def serve(gray: Any) -> dict[str, Any]:
        return {"pixels": model(gray, training=False)}

    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    module.serve = tf.function(serve, input_signature=[_gray_spec()])
    return module, module.serve


def _gray_spec() -> Any:
    import tensorflow as tf

    return tf.TensorSpec((None, IMAGE_SIZE, IMAGE_SIZE, 1), tf.float32, "gray")


KINDS = {
    "onnx": Kind(_onnx, "onnx"),
    "tflite": Kind(_tflite, "tflite"),
    "tflite16": Kind(partial(_tflite, halved=True), "16.tflite", TOLERANCE_16),
    "savedmodel": Kind(_savedmodel, "savedmodel"),
}
"""Forms of export by name. ``tflite16`` keeps its weights in 16 bits, in half the bytes."""


def _member(predictor: Predictor, folder: Path, pipeline: str, model: str | None) -> TrainedMember:
    if pipeline not in predictor.pipelines:
        known = ", ".join(predictor.pipelines)
        raise UserError(f"{folder} has no pipeline {pipeline!r}; choose one of {known}")
    members = {member.name: member for member in predictor.half(pipeline).members}
    if model is not None and model not in members:
        known = ", ".join(members)
        raise UserError(f"{folder} has no {pipeline} model {model!r}; choose one of {known}")
    return members[model or next(iter(members))]


def _model(member: TrainedMember, source: str) -> Any:
    """What the first fit says in the source's style, mean over the picture and its mirror
    picture: the views ``mirror``."""
    spec = here(member.spec).everywhere(backend="tensorflow", precision="float32")
    with whoever_imported_keras(spec):
        model = model_of(spec, member.fits[0].load())
    import keras

    gray = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="gray")
    both = model(keras.ops.concatenate([gray, keras.ops.flip(gray, axis=2)], axis=0))
    points = keras.ops.reshape(both, (2, -1, len(spec.taught.columns), 2))
    as_it_is, flipped = points[0], keras.ops.take(points[1], spec.taught.mirror, axis=1)
    turned, moved = np.array([[-1, 1], [IMAGE_SIZE - 1, 0]], np.float32)
    across = flipped * turned + moved
    own = spec.taught.of(source)  # they lie side by side
    said = ((as_it_is + across) / 2)[:, own[0] : own[-1] + 1]
    return keras.Model(gray, keras.ops.reshape(said, (-1, 2 * len(own))))


def _images() -> Gray:
    """[6, 96, 96, 1]: random, black, white and gray."""
    shape = (IMAGE_SIZE, IMAGE_SIZE, 1)
    random = np.random.default_rng(0).integers(0, 256, (3, *shape))
    flat = [np.full(shape, level) for level in (0, 255, 128)]
    return np.concatenate([random, flat]).astype(np.float32)


def _move(made: Path, out: Path) -> None:
    if made.is_dir():
        made.rename(out)
        return
    with whole_file(out) as aside:
        shutil.move(made, aside)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the advertisements of the converters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
