"""How much error does a minute of compute save at most?

Hypothesis: pictures as small as these need few channels and many steps: four convolutions with
one linear layer, trained with AdamW in batches of 32, should beat networks ten times their size
until these have had ten times the time.

Scientific: width, normalisation, downsampling. Nuisance: dropout, training. Reference, tried
first: our own, for the competition's solutions have no such network: 16 to 128 channels, batch
normalisation, no dropout, 48 x 48, trained as ``training.COMPACT`` says.

Cost: a fit of 60 epochs on 1,500 faces takes two minutes on one quiet CPU core.

    python experiments/tune_models.py --models plain --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import NORMALISATIONS
from fkd_core.models.plain import Plain
from search_spaces import training

IMAGES_A_SECOND = 700
"""What one quiet CPU core trains of the first trial's configuration, about."""

REFERENCE: dict[str, Any] = training.COMPACT | {
    "downsample": 2,
    "width": 16,
    "normalisation": "batch",
    "dropout": 0.0,
}


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    return {
        "model": Plain(
            width=trial.suggest_int("width", 8, 48, log=True),
            normalisation=training.choose(trial, "normalisation", NORMALISATIONS),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
            downsample=training.choose(trial, "downsample", (1, 2)),
        ),
        **training.training(trial),
    }
