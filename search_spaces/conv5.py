"""Is five halvings one too many?

Hypothesis: five blocks leave 3 x 3 positions, each of them a third of the face, and two dense
layers must read exact places from their channels: one or two halvings fewer, or less dropout on
the way, should help more than wider layers do.

Scientific: halvings (averaging the picture takes the place of the first block), width,
normalisation, head. Nuisance: activation, dropout, dense width, training. Reference, tried
first: 16 to 256 channels in five blocks, dropout 0.10 to 0.25, dense 1024 and 512 with dropout
0.10, ReLU, batch normalisation, 96 x 96. Width and dropout are factors on its values.

Cost: a fit of 60 epochs on 1,200 training faces takes about four minutes on one CPU core.

    python experiments/tune_models.py --models conv5 --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import HEADS, NORMALISATIONS
from fkd_core.models.conv5 import Conv5
from search_spaces import training

IMAGES_A_SECOND = 300
"""What one CPU core trains of the reference's configuration, for estimates."""

REFERENCE: dict[str, Any] = training.REFERENCE | {
    "downsample": 1,
    "halvings": 5,
    "width": 1.0,
    "activation": "relu",
    "normalisation": "batch",
    "head": "flatten",
    "dense": 1024,
    "dropout_factor": 1.0,
}


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    downsample = training.choose(trial, "downsample", (1, 2))
    # A block keeps its channels and dropout whether or not others precede or follow it.
    blocks = slice(downsample - 1, trial.suggest_int("halvings", 3, 5))
    width = trial.suggest_float("width", 0.5, 2.0, log=True)
    factor = trial.suggest_float("dropout_factor", 0.0, 2.0)
    head = training.choose(trial, "head", HEADS)
    dense = 1024
    if head != "soft_argmax":
        dense = trial.suggest_int("dense", 128, 2048, log=True)
    return {
        "model": Conv5(
            filters=tuple(round(width * f) for f in Conv5.filters[blocks]),
            block_dropout=tuple(factor * d for d in Conv5.block_dropout[blocks]),
            dense=(dense, dense // 2),
            dropout=factor * Conv5.dropout,
            activation=training.choose(trial, "activation", ("relu", "elu", "silu")),
            normalisation=training.choose(trial, "normalisation", NORMALISATIONS),
            head=head,
            downsample=downsample,
        ),
        **training.training(trial),
    }
