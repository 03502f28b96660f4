"""What do gates on channels and convolutions on the smallest map repay?

Hypothesis: Plain spends its compute on large maps, where a convolution sees little of a face. One
more convolution on the 3 x 3 map, gates that see the whole face and a first convolution that sees
every pixel cost a fifth more time, and should save more error than as many more steps do.

Scientific: width, residual convolutions, how narrow gates are, normalisation. Nuisance: dropout,
training. Reference, tried first: our own, for the competition's solutions have no such network: 16
to 128 channels, one residual convolution, gates of an eighth, batch normalisation, no dropout,
trained as ``training.COMPACT`` says, but at the rate and the decay that were measured for it
(docs/accuracy.md).

Cost: a fit of 60 epochs on 1,500 faces takes two minutes and a half on one quiet CPU core.

    python experiments/tune_models.py --models gated --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import NORMALISATIONS
from fkd_core.models.gated import Gated
from search_spaces import training

IMAGES_A_SECOND = 620
"""What one quiet CPU core trains of the first trial's configuration, about."""

REFERENCE: dict[str, Any] = training.COMPACT | {
    "learning_rate": 3e-3,
    "weight_decay": 0.3,
    "width": 16,
    "residual": 1,
    "squeeze": 8,
    "normalisation": "batch",
    "dropout": 0.0,
}


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    return {
        "model": Gated(
            width=trial.suggest_int("width", 8, 48, log=True),
            residual=trial.suggest_int("residual", 0, 3),
            squeeze=training.choose(trial, "squeeze", (2, 4, 8, 16)),
            normalisation=training.choose(trial, "normalisation", NORMALISATIONS),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
        ),
        **training.training(trial),
    }
