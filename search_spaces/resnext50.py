"""Do many narrow groups of channels beat a few wide ones on faces?

Hypothesis: a face has few parts, so 8 groups should do as well as 32; as in ResNet50, fewer
halvings and a head that reads places should matter far more than groups, depth or width.

Scientific: groups, halvings on the way to the head, whether the first two are a convolution and
max-pooling or an average of the picture and a convolution, depth, width, head. Nuisance:
activation, normalisation, stochastic depth, dropout, training. Reference, tried first: 32
groups, 3, 4, 6 and 3 blocks of 128 to 1024 channels, five halvings, average head, ReLU, batch
normalisation, nothing dropped, 96 x 96. Width and depth are factors on its channels and blocks.

Cost: a fit of 60 epochs on 1,200 training faces takes about an hour on one CPU core; each
halving less makes it one and a half to three times as long.

    python experiments/tune_models.py --models resnext50 --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import HEADS
from fkd_core.models.resnext50 import ResNeXt50
from search_spaces import training

IMAGES_A_SECOND = 19
"""What one CPU core trains of the reference's configuration, for estimates."""

REFERENCE: dict[str, Any] = training.REFERENCE | {
    "downsample": 1,
    "halvings": 5,
    "groups": 32,
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
    groups = training.choose(trial, "groups", (8, 16, 32))
    width = trial.suggest_float("width", 0.25, 1.5, log=True)
    depth = trial.suggest_float("depth", 0.33, 1.5, log=True)
    return {
        "model": ResNeXt50(
            stem=round(width * ResNeXt50.stem),
            stem_pool=downsample == 1,
            blocks=tuple(max(1, round(depth * b)) for b in ResNeXt50.blocks),
            # Whole groups only.
            filters=tuple(groups * round(width * f / groups) for f in ResNeXt50.filters),
            groups=groups,
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
