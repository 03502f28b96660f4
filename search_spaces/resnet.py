"""Are blocks of two convolutions and of three by turns better than one kind?

Hypothesis: the mixture is an accident: it makes the channels of the stages go up and down (64,
512, 256, 2048). Plain blocks of two convolutions, which see more of their surroundings, should
be better at equal cost; and six halvings, which leave 2 x 2 positions, are two too many.

Scientific: kind and number of blocks, halvings on the way to the head, whether the first two are
a convolution and max-pooling or an average of the picture and a convolution, width, head.
Nuisance: activation, normalisation, dropout, L2 penalty, training. Reference, tried first: 2
blocks in each of four stages of 64 to 512 channels, plain and bottleneck by turns, six halvings,
average head, ReLU, batch normalisation, no dropout, L2 of 1e-4, 96 x 96. Width is a factor on
its channels.

Cost: a fit of 60 epochs on 1,200 training faces takes about nine minutes on one CPU core; each
halving less makes it one and a half to three times as long.

    python experiments/tune_models.py --models resnet --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import HEADS
from fkd_core.models.resnet import ResNet
from search_spaces import training

IMAGES_A_SECOND = 130
"""What one CPU core trains of the reference's configuration, for estimates."""

REFERENCE: dict[str, Any] = training.REFERENCE | {
    "downsample": 1,
    "halvings": 6,
    "width": 1.0,
    "block": "by_turns",
    "blocks": 2,
    "l2": 1e-4,
    "activation": "relu",
    "normalisation": "batch",
    "dropout": 0.0,
    "head": "average",
}

STRIDES = {3: (1, 2, 1, 1), 4: (1, 2, 2, 1), 5: (1, 2, 2, 2), 6: (2, 2, 2, 2)}
"""By halvings: two before the stages, the others where ResNet50 has its first ones."""
EXPANSION = {"by_turns": (1, 4, 1, 4), "plain": (1, 1, 1, 1), "bottleneck": (4, 4, 4, 4)}
"""By kind of block."""


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    downsample = training.choose(trial, "downsample", (1, 2))
    width = trial.suggest_float("width", 0.25, 1.5, log=True)
    return {
        "model": ResNet(
            stem=round(width * ResNet.stem),
            stem_pool=downsample == 1,
            blocks=(trial.suggest_int("blocks", 1, 4),) * 4,
            filters=tuple(round(width * f) for f in ResNet.filters),
            expansion=EXPANSION[training.choose(trial, "block", tuple(EXPANSION))],
            strides=STRIDES[trial.suggest_int("halvings", 3, 6)],
            l2=trial.suggest_float("l2", 1e-6, 1e-2, log=True),
            activation=training.choose(trial, "activation", ("relu", "elu", "silu")),
            normalisation=training.choose(trial, "normalisation", ("batch", "layer")),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
            head=training.choose(trial, "head", HEADS),
            downsample=downsample,
        ),
        **training.training(trial),
    }
