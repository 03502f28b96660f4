"""How small may the network of a single keypoint be?

Hypothesis: 7.5 million weights a keypoint, most of them between a 5 x 5 map and 1,000 hidden
units, learn faces by heart, which dropout up to 0.6 only hides: branches of a quarter of the
width, averaged or read as heatmaps, should be as good at a fraction of the time.

Scientific: width of the branches, halvings (averaging the picture takes the place of the first
block; a flattened map is always 5 x 5, for a larger one doubles the weights), normalisation,
head. Nuisance: activation, dropout, dense width, training. Reference, tried first: 32 to 256
channels with kernels 4 to 1, dropout 0.1 to 0.6, two dense layers of 1000, the last linear, ELU,
no normalisation, 96 x 96. Width and dropout are factors on its values.

Cost: a fit of 60 epochs on 1,200 training faces takes about 80 minutes on one CPU core.

    python experiments/tune_models.py --models naimishnet --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import HEADS, NORMALISATIONS
from fkd_core.models.naimishnet import NaimishNet
from search_spaces import training

IMAGES_A_SECOND = 15
"""What one CPU core trains of the reference's configuration, for estimates."""

REFERENCE: dict[str, Any] = training.REFERENCE | {
    "downsample": 1,
    "width": 1.0,
    "activation": "elu",
    "linear_last": True,
    "normalisation": "none",
    "head": "flatten",
    "dense": 1000,
    "dropout_factor": 1.0,
}


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    downsample = training.choose(trial, "downsample", (1, 2))
    width = trial.suggest_float("width", 0.125, 1.25, log=True)
    factor = trial.suggest_float("dropout_factor", 0.0, 1.4)
    head = training.choose(trial, "head", HEADS)
    halvings, dense, linear_last = 4, 1000, True
    if head != "flatten":
        halvings = trial.suggest_int("halvings", 3, 4)
    if head != "soft_argmax":
        dense = trial.suggest_int("dense", 64, 1536, log=True)
        linear_last = training.choose(trial, "linear_last", (False, True))
    # A block keeps its channels, kernel and dropout whether or not others precede or follow it.
    blocks = slice(downsample - 1, halvings)
    return {
        "model": NaimishNet(
            filters=tuple(round(width * f) for f in NaimishNet.filters[blocks]),
            kernels=NaimishNet.kernels[blocks],
            block_dropout=tuple(factor * d for d in NaimishNet.block_dropout[blocks]),
            dense=(dense, dense),
            dense_dropout=tuple(factor * d for d in NaimishNet.dense_dropout),
            activation=training.choose(trial, "activation", ("relu", "elu", "silu")),
            linear_last=linear_last,
            normalisation=training.choose(trial, "normalisation", NORMALISATIONS),
            head=head,
            downsample=downsample,
        ),
        **training.training(trial),
    }
