"""Do shortcuts repay what they cost in a compact network?

Hypothesis: six more convolutions on small maps see more of a face than Plain's four, which pays
in long fits only; and one normalisation a block is as good as one a convolution, at less cost.

Scientific: width, normalisation and how often, downsampling. Nuisance: dropout, training.
Reference, tried first: our own, for the competition's solutions have no such network: 24 to 96
channels, batch normalisation once a block, no dropout, 48 x 48, trained as ``training.COMPACT``
says.

Cost: a fit of 60 epochs on 1,500 faces takes five minutes on one quiet CPU core.

    python experiments/tune_models.py --models res --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import NORMALISATIONS
from fkd_core.models.res import Res
from search_spaces import training

IMAGES_A_SECOND = 300
"""What one quiet CPU core trains of the first trial's configuration, about."""

REFERENCE: dict[str, Any] = training.COMPACT | {
    "downsample": 2,
    "width": 24,
    "normalisation": "batch",
    "every": False,
    "dropout": 0.0,
}


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    return {
        "model": Res(
            width=trial.suggest_int("width", 12, 64, log=True),
            normalisation=training.choose(trial, "normalisation", NORMALISATIONS),
            every=training.choose(trial, "every", (False, True)),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
            downsample=training.choose(trial, "downsample", (1, 2)),
        ),
        **training.training(trial),
    }
