"""How good can the smallest network be?

Hypothesis: at 96 x 96 the two convolutions of LeNet5 see edges only and the first dense layer
learns places by heart: averaging the picture to 48 x 48, a third convolution and dropout should
each help more than wider layers do.

Scientific: downsampling, number and width of the convolutions, normalisation. Nuisance:
activation, dropout, dense width, training. Not searched: the head, for without its dense layers
it is no LeNet. Reference, tried first: 6 and 16 channels, dense 512
and 256, ReLU, no dropout, no normalisation, 96 x 96.

Cost: a fit of 60 epochs on 1,500 faces takes about a minute and a half on one CPU core.

    python experiments/tune_models.py --models lenet5 --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import NORMALISATIONS
from fkd_core.models.lenet5 import LeNet5
from search_spaces import training

IMAGES_A_SECOND = 1000
"""What one CPU core trains of the reference's configuration, for estimates."""

REFERENCE: dict[str, Any] = training.REFERENCE | {
    "downsample": 1,
    "convolutions": 2,
    "filters": 6,
    "activation": "relu",
    "normalisation": "none",
    "dense": 512,
    "dropout": 0.0,
}


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    filters = trial.suggest_int("filters", 4, 32, log=True)
    widths = (filters, round(filters * 8 / 3), filters * 4)
    dense = trial.suggest_int("dense", 64, 1024, log=True)
    return {
        "model": LeNet5(
            filters=widths[: trial.suggest_int("convolutions", 2, 3)],
            dense=(dense, dense // 2),
            dropout=trial.suggest_float("dropout", 0.0, 0.6),
            downsample=training.choose(trial, "downsample", (1, 2)),
            activation=training.choose(trial, "activation", ("relu", "elu", "silu")),
            normalisation=training.choose(trial, "normalisation", NORMALISATIONS),
        ),
        **training.training(trial),
    }
