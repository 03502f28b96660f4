"""Do position-wise objectives repay their price on a GPU?

Hypothesis: where a network says a place on a map rather than a number, its errors are those of
its neighbourhood and get small with long training; in minutes of CPU time they do not (see
docs/accuracy.md), so this is a member for GPUs.

Scientific: how points are said, how narrow, and how much that counts beside the squared error;
width. Nuisance: dropout, training. Reference, tried first: our own, for the competition's
solutions have no such network.

Cost: a fit of 60 epochs on 1,500 faces takes, by estimate, an hour on one quiet CPU core.

    python experiments/tune_models.py --models unet --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.unet import SAYS, UNet
from search_spaces import training

IMAGES_A_SECOND = 25
"""What one quiet CPU core may train of the first trial's configuration; a guess to begin with."""

REFERENCE: dict[str, Any] = training.COMPACT | {
    "width": 32,
    "says": "heatmap",
    "sigma": 2.0,
    "narrow": 30.0,
    "dropout": 0.0,
}


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    return {
        "model": UNet(
            width=trial.suggest_int("width", 16, 64, log=True),
            says=training.choose(trial, "says", SAYS),
            sigma=trial.suggest_float("sigma", 1.0, 4.0, log=True),
            narrow=trial.suggest_float("narrow", 1.0, 1000.0, log=True),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
        ),
        **training.training(trial),
    }
