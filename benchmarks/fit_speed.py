"""Images per second of a fit, with its seconds by phase, against plain Keras ``model.fit``.

    python benchmarks/fit_speed.py

Both train the same architecture on the same demo-sized noise, alternately, one thread each; the
first, compiling round of either is shown apart. Plain Keras gets the very training arrays, with
missing coordinates set to 0 since it has no mask, and predicts the same held-out faces once.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import tyro

from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split, split
from fkd_core.fitting.fit import fit
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.runtime import prepare
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models import Architecture
from fkd_core.models.conv5 import Conv5
from fkd_core.models.gated import Gated
from fkd_core.models.lenet5 import LeNet5
from fkd_core.models.plain import Plain
from fkd_core.models.res import Res
from fkd_core.sources import COMPLETE

MODELS: dict[str, Architecture] = {
    "lenet5 light": LeNet5.light(),
    "lenet5": LeNet5(),
    "conv5": Conv5(),
    "plain": Plain(),
    "gated": Gated(),
    "gated, 24 channels": Gated(width=24),
    "res": Res(),
}
PHASES = ("load", "render", "compile", "train", "predict")


@dataclass(frozen=True)
class Options:
    """Options of this benchmark."""

    faces: int = 512
    """Half of them train."""
    epochs: int = 4
    """Of every model; light ones take eight times as many."""
    batch_size: int = 64
    repeats: int = 3
    """Rounds after the first, which compiles."""


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


def compare(name: str, options: Options, faces: Faces) -> None:
    """Prints the rounds of one model."""
    import keras

    epochs = options.epochs * (8 if "light" in name else 1)
    spec = FitSpec(
        MODELS[name],
        split=Split("all"),
        training=Training(epochs=epochs, batch_size=options.batch_size),
    )
    plain = spec.model.build(COMPLETE.outputs)
    plain.compile(optimizer=keras.optimizers.AdamW(weight_decay=0.0), loss="mse")
    ours: list[FitResult] = []
    seconds: dict[str, list[float]] = {"fit": [], "keras": []}
    for _ in range(options.repeats + 1):
        begin = time.perf_counter()
        result = fit(spec, faces)
        seconds["fit"].append(time.perf_counter() - begin)
        if not isinstance(result, FitResult):
            raise SystemExit(f"{name}: {result}")
        ours.append(result)
        seconds["keras"].append(by_keras(plain, spec, faces))
    shown = ours[0].train_faces * epochs
    ratios = [a / b for a, b in zip(seconds["fit"][1:], seconds["keras"][1:], strict=True)]
    rates = {who: shown / statistics.median(each[1:]) for who, each in seconds.items()}
    print(
        f"{name}: {shown} images a round; fit {rates['fit']:.0f}/s, Keras {rates['keras']:.0f}/s, "
        f"median ratio of seconds {statistics.median(ratios):.2f} "
        f"({', '.join(f'{ratio:.2f}' for ratio in ratios)}); "
        f"first round {seconds['fit'][0]:.1f} s and {seconds['keras'][0]:.1f} s"
    )
    for label, result in (("first", ours[0]), ("last", ours[-1])):
        phases = "  ".join(f"{phase} {result.seconds[phase]:.2f}" for phase in PHASES)
        print(f"  {label:5} fit, seconds: {phases}")


def main(options: Options) -> None:
    """Prints three lines a model."""
    prepare("tensorflow", 1)
    faces = noise(options.faces)
    for name in MODELS:
        compare(name, options, faces)


if __name__ == "__main__":
    main(tyro.cli(Options))
