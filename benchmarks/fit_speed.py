"""Images per second of a fit against plain Keras ``model.fit``, and of its step against a bare.

    python benchmarks/fit_speed.py --batch-sizes 32 128
    python benchmarks/fit_speed.py --models plain gated

All train the same architecture on the same noise, alternately, one thread each; the first round,
which compiles, is shown apart. Plain Keras gets the very training arrays, with missing coordinates
set to 0 since it has no mask, and predicts the same held-out faces once. A bare step is the least
that trains this network: one compiled graph of its loss, gradients and Adam, given the same batch
again and again, an epoch of it after every epoch of the fit. A fit's steps besides gather their
batches, set the rate and sum up errors.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fkd_core import command
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split, split
from fkd_core.errors import UserError
from fkd_core.fitting.fit import fit
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.runtime import import_silently, prepare
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models import MODELS, Architecture
from fkd_core.models.gated import Gated
from fkd_core.models.lenet5 import LeNet5
from fkd_core.sources import COMPLETE

NAMED: dict[str, Architecture] = {name: model() for name, model in MODELS.items()} | {
    "lenet5-light": LeNet5.light(),
    "gated24": Gated(width=24),
}
PHASES = ("load", "render", "compile", "train", "predict")
WARM = 3
"""Bare steps before any are timed, and as many to tell how long a round is."""


@dataclass(frozen=True)
class Options:
    """Options of this benchmark."""

    models: tuple[str, ...] = ("all",)
    """Names of some, or all."""
    batch_sizes: tuple[int, ...] = (32, 128)
    """Faces a step, one after another."""
    faces: int = 1024
    """Half of them train."""
    seconds: float = 2.0
    """Of bare steps a round, about: every round has as many whole epochs, one at least."""
    repeats: int = 5
    """Rounds after the first, which compiles."""

    @property
    def chosen(self) -> list[str]:
        """Names of the models."""
        return [*NAMED] if self.models == ("all",) else [*self.models]

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""
        for name in self.chosen:
            if name not in NAMED:
                raise UserError(f"--models: there is no {name!r}; choose from {', '.join(NAMED)}")
        if min(self.batch_sizes) < 1 or self.faces < 16 or self.repeats < 1:
            raise UserError("--batch-sizes, --faces and --repeats: give 1, 16 and 1 or more")


def noise(n: int) -> Faces:
    """Faces of noise: pictures do not change the speed."""
    rng = np.random.default_rng(0)
    return Faces(
        images=rng.integers(0, 256, (n, 96, 96), np.uint8),
        points=rng.uniform(0, 96, (n, 15, 2)).astype(np.float32),
        source=np.zeros(n, np.int8),
        group=rng.integers(0, 2**64, n, np.uint64),
        row=np.arange(1, n + 1, dtype=np.int32),
    )


def by_keras(model: Any, spec: FitSpec, faces: Faces) -> float:
    """Seconds of plain Keras for the same work."""
    parts = split(faces, COMPLETE, spec.split)
    begin = time.perf_counter()
    images = faces.images[..., None].astype(np.float32)
    targets = np.nan_to_num(faces.points.reshape(len(faces), -1))
    training = spec.training
    model.fit(
        images[parts.train],
        targets[parts.train],
        batch_size=training.batch_size,
        epochs=training.epochs,
        verbose=0,
    )
    model.predict(images[parts.held_out], batch_size=256, verbose=0)
    return time.perf_counter() - begin


def bare(model: Architecture, batch_size: int, faces: Faces) -> Callable[[int], float]:
    """Seconds that so many bare steps take."""
    import keras
    import tensorflow as tf

    network = model.build(COMPLETE.outputs)
    judged = [network.get_layer(each.layer).output for each in model.objectives]
    taught = keras.Model(network.inputs, [network.output, *judged])
    variables = [each.value for each in taught.trainable_variables]
    means, squares = ([tf.Variable(tf.zeros_like(v)) for v in variables] for _ in range(2))

    @tf.function  # type: ignore[untyped-decorator]
    def step(images: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            _, *said = taught(tf.cast(images, tf.float32)[..., None], training=True)
            losses = [
                each.weight * each.loss(targets, output)
                for each, output in zip(model.objectives, said, strict=True)
            ]
            loss = tf.add_n([*losses, *taught.losses])
        gradients = tape.gradient(loss, variables)
        for variable, mean, square, gradient in zip(
            variables, means, squares, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=0.9,
                beta2_power=0.999,
                lr=1e-3,
                beta1=0.9,
                beta2=0.999,
                epsilon=1e-7,
                grad=gradient,
            )
        return loss

    images = tf.constant(np.resize(faces.images, (batch_size, *faces.images.shape[1:])))
    points = np.resize(faces.points, (batch_size, *faces.points.shape[1:]))
    targets = tf.constant(points.reshape(batch_size, -1))

    def steps(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            loss = step(images, targets)
        loss.numpy()  # is there when the last step is over
        return time.perf_counter() - begin

    return steps


def beside(
    spec: FitSpec, faces: Faces, bare_epoch: Callable[[], float]
) -> tuple[FitResult, float, float]:
    """A fit, its seconds, and those of as many bare epochs, one after each of its own."""
    between = list[float]()
    begin = time.perf_counter()
    result = fit(spec, faces, lambda *_: between.append(bare_epoch()))
    if not isinstance(result, FitResult):
        raise UserError(f"{spec.name}: {result}")
    return result, time.perf_counter() - begin - sum(between), sum(between)


def ratios(name: str, ours: list[float], theirs: list[float]) -> str:
    """How many times as long a fit takes, in the median and round by round."""
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    rounds = ", ".join(f"{ratio:.2f}" for ratio in each)
    return f"{statistics.median(each):.2f} of {name} ({rounds})"


def compare(name: str, batch_size: int, options: Options, faces: Faces) -> None:
    """Prints the rounds of one model."""
    import keras

    model, deal = NAMED[name], Split("all")
    taught = len(split(faces, COMPLETE, deal).train)
    steps_of = bare(model, batch_size, faces)
    steps_of(WARM)
    an_epoch = -(-taught // batch_size)
    epochs = max(1, round(options.seconds / (steps_of(WARM) / WARM * an_epoch)))
    training = Training(epochs=epochs, batch_size=batch_size)
    spec = FitSpec(model, split=deal, training=training)
    plain = model.build(COMPLETE.outputs)
    plain.compile(optimizer=keras.optimizers.AdamW(weight_decay=0.0), loss="mse")
    ours = list[FitResult]()
    seconds: dict[str, list[float]] = {"fit": [], "keras": [], "step": [], "bare": []}
    for _ in range(options.repeats + 1):
        result, whole, between = beside(spec, faces, lambda: steps_of(an_epoch))
        ours.append(result)
        seconds["fit"].append(whole)
        seconds["step"].append(result.seconds["train"])
        seconds["bare"].append(between)
        seconds["keras"].append(by_keras(plain, spec, faces))
    later = {who: each[1:] for who, each in seconds.items()}
    shown = taught * epochs
    rate = {who: f"{shown / statistics.median(each):.0f}/s" for who, each in later.items()}
    print(
        f"{name}, batches of {batch_size}: {shown} images a round\n"
        f"  steps {rate['step']}, bare ones {rate['bare']}; seconds "
        f"{ratios('the bare ones', later['step'], later['bare'])}\n"
        f"  fit {rate['fit']}, Keras {rate['keras']}; seconds "
        f"{ratios('Keras', later['fit'], later['keras'])}; "
        f"first round {seconds['fit'][0]:.1f} s and {seconds['keras'][0]:.1f} s"
    )
    for label, result in (("first", ours[0]), ("last", ours[-1])):
        phases = "  ".join(f"{phase} {result.seconds[phase]:.2f}" for phase in PHASES)
        print(f"  {label:5} fit, seconds: {phases}", flush=True)


def main(options: Options) -> None:
    """Print how fast each model trains."""
    prepare("tensorflow", 1)
    import_silently()
    faces = noise(options.faces)
    for batch_size in options.batch_sizes:
        for name in options.chosen:
            compare(name, batch_size, options, faces)


if __name__ == "__main__":
    command.run(main, Options)
