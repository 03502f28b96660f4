"""Does the deepest plain network need its width, or its depth?

Hypothesis: nine tenths of its 28.5 million weights lie behind the fifth pool, where 3 x 3
positions are left: a narrower network whose last maps are 6 x 6 should be as good and cheaper,
and the last pair, added late by the reference, worth little.

Scientific: number of pairs of convolutions, halvings (averaging the picture takes the place of
the first pair), width, normalisation, head. Nuisance: activation, dropout, dense width, training.
Reference, tried first: seven pairs of 32 to 1024 channels, five of them pooled, dropout 0.15 to
0.30, dense 1024 with dropout 0.15, leaky ReLU, batch normalisation, 96 x 96. Width and dropout
are factors on its values.

Cost: a fit of 60 epochs on 1,200 training faces takes about 40 minutes on one CPU core.

    python experiments/tune_models.py --models conv10 --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import HEADS, NORMALISATIONS
from fkd_core.models.conv10 import Conv10
from search_spaces import training

IMAGES_A_SECOND = 30
"""What one CPU core trains of the reference's configuration, for estimates."""

REFERENCE: dict[str, Any] = training.REFERENCE | {
    "downsample": 1,
    "pairs": 7,
    "halvings": 5,
    "width": 1.0,
    "activation": "leaky_relu",
    "normalisation": "batch",
    "head": "flatten",
    "dense": 1024,
    "dropout_factor": 1.0,
}


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    downsample = training.choose(trial, "downsample", (1, 2))
    # A pair keeps its channels and dropout whether or not others precede or follow it.
    pairs = slice(downsample - 1, trial.suggest_int("pairs", 5, 7))
    width = trial.suggest_float("width", 0.25, 1.5, log=True)
    factor = trial.suggest_float("dropout_factor", 0.0, 2.0)
    head = training.choose(trial, "head", HEADS)
    dense = 1024
    if head != "soft_argmax":
        dense = trial.suggest_int("dense", 128, 2048, log=True)
    return {
        "model": Conv10(
            filters=tuple(round(width * f) for f in Conv10.filters[pairs]),
            block_dropout=tuple(factor * d for d in Conv10.block_dropout[pairs]),
            pools=trial.suggest_int("halvings", 4, 5) - pairs.start,
            dense=(dense,),
            dropout=factor * Conv10.dropout,
            activation=training.choose(trial, "activation", ("relu", "leaky_relu", "silu")),
            normalisation=training.choose(trial, "normalisation", NORMALISATIONS),
            head=head,
            downsample=downsample,
        ),
        **training.training(trial),
    }
