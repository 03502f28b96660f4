"""What are weights that belong to a place worth?

Hypothesis: eyes and mouths have their places in these faces, so kernels that differ from place to
place should tell more than shared ones, yet the average over all positions throws away what they
know: flattening, and a second unshared convolution, should help more than wider layers do.

Scientific: number and width of the unshared convolutions, halvings before them (averaging the
picture takes the place of the first block), width, head. Nuisance: activation, normalisation,
dropout, dense width, training. Reference, tried first: 32, 64 and 128 shared channels, then 32
unshared, averaged, dense 512, dropout 0.20 and 0.15, leaky ReLU, batch normalisation, 96 x 96.
Width (of the shared convolutions) and dropout are factors on its values.

Cost: a fit of 60 epochs on 1,200 training faces takes about eight minutes on one CPU core.

    python experiments/tune_models.py --models local2d --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import HEADS, NORMALISATIONS
from fkd_core.models.local2d import Local2D
from search_spaces import training

IMAGES_A_SECOND = 150
"""What one CPU core trains of the reference's configuration, for estimates."""

REFERENCE: dict[str, Any] = training.REFERENCE | {
    "downsample": 1,
    "halvings": 3,
    "width": 1.0,
    "unshared": 1,
    "unshared_filters": 32,
    "activation": "leaky_relu",
    "normalisation": "batch",
    "head": "average",
    "dense": 512,
    "dropout_factor": 1.0,
}


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    downsample = training.choose(trial, "downsample", (1, 2))
    # A block keeps its channels and dropout whether or not others precede or follow it.
    blocks = slice(downsample - 1, trial.suggest_int("halvings", 2, 3))
    width = trial.suggest_float("width", 0.5, 2.0, log=True)
    unshared_filters = trial.suggest_int("unshared_filters", 8, 64, log=True)
    factor = trial.suggest_float("dropout_factor", 0.0, 2.5)
    head = training.choose(trial, "head", HEADS)
    dense = 512
    if head != "soft_argmax":
        dense = trial.suggest_int("dense", 64, 1024, log=True)
    return {
        "model": Local2D(
            filters=tuple(round(width * f) for f in Local2D.filters[blocks]),
            block_dropout=tuple(factor * d for d in Local2D.block_dropout[blocks]),
            unshared=(unshared_filters,) * trial.suggest_int("unshared", 1, 2),
            dense=(dense,),
            dropout=factor * Local2D.dropout,
            activation=training.choose(trial, "activation", ("relu", "leaky_relu", "silu")),
            normalisation=training.choose(trial, "normalisation", NORMALISATIONS),
            head=head,
            downsample=downsample,
        ),
        **training.training(trial),
    }
