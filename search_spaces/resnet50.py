"""Where should a deep residual network give up resolution?

Hypothesis: ResNet50 was made for pictures of 224 x 224 with one object, whose place it may
forget; of a 96 x 96 face it averages 3 x 3 positions. Fewer halvings, and a head that reads
places, should help most; with so few faces, half of its depth and width should lose nothing.

Scientific: halvings on the way to the head, whether the first two are a convolution and
max-pooling or an average of the picture and a convolution, depth, width, head. Nuisance:
activation, normalisation, stochastic depth, dropout, training. Reference, tried first: 3, 4, 6
and 3 bottlenecks of 64 to 512 channels, five halvings, average head, ReLU, batch normalisation,
nothing dropped, 96 x 96. Width and depth are factors on its channels and bottlenecks.

Cost: a fit of 60 epochs on 1,200 training faces takes about 40 minutes on one CPU core; each
halving less makes it one and a half to three times as long.

    python experiments/tune_models.py --models resnet50 --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import HEADS
from fkd_core.models.resnet50 import ResNet50
from search_spaces import training

IMAGES_A_SECOND = 30
"""What one CPU core trains of the reference's configuration, for estimates."""

REFERENCE: dict[str, Any] = training.REFERENCE | {
    "downsample": 1,
    "halvings": 5,
    "width": 1.0,
    "depth": 1.0,
    "activation": "relu",
    "normalisation": "batch",
    "stochastic_depth": 0.0,
    "dropout": 0.0,
    "head": "average",
}

STRIDES = {3: (1, 2, 1, 1), 4: (1, 2, 2, 1), 5: (1, 2, 2, 2)}
"""By halvings: two before the stages, the others where the reference has its first ones."""


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    downsample = training.choose(trial, "downsample", (1, 2))
    width = trial.suggest_float("width", 0.25, 1.5, log=True)
    depth = trial.suggest_float("depth", 0.33, 1.5, log=True)
    return {
        "model": ResNet50(
            stem=round(width * ResNet50.stem),
            stem_pool=downsample == 1,
            blocks=tuple(max(1, round(depth * b)) for b in ResNet50.blocks),
            filters=tuple(round(width * f) for f in ResNet50.filters),
            strides=STRIDES[trial.suggest_int("halvings", 3, 5)],
            activation=training.choose(trial, "activation", ("relu", "elu", "silu")),
            normalisation=training.choose(trial, "normalisation", ("batch", "layer")),
            stochastic_depth=trial.suggest_float("stochastic_depth", 0.0, 0.5),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
            head=training.choose(trial, "head", HEADS),
            downsample=downsample,
        ),
        **training.training(trial),
    }
