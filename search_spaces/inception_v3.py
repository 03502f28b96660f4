"""How much does it cost to end at a single position?

Hypothesis: the published padding leaves one position of a 96 x 96 face before the last modules,
which have lost by then where a point lies: 6 x 6 to the end, with a head that reads places,
should help more than any change of width or depth; and half of the width should be enough.

Scientific: resolution, head, width, modules of each kind. Nuisance: dropout, training. Averaging
the picture and other heads are tried at kept resolution only, for without it there is one
position or none. Reference, tried first: the published widths, 3, 4 and 2 modules, average head,
dropout 0.3, 96 x 96. Width is a factor on its channels.

Cost: a fit of 60 epochs on 1,200 training faces takes about 20 minutes on one CPU core,
twice that with keep_resolution.

    python experiments/tune_models.py --models inception_v3 --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import HEADS
from fkd_core.models.inception_v3 import InceptionV3
from search_spaces import training

IMAGES_A_SECOND = 64
"""What one CPU core trains of the reference's configuration, for estimates."""

REFERENCE: dict[str, Any] = training.REFERENCE | {
    "keep_resolution": False,
    "width": 1.0,
    "five": 3,
    "seven": 4,
    "three": 2,
    "dropout": 0.3,
}


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    keep_resolution = training.choose(trial, "keep_resolution", (False, True))
    downsample, head = 1, InceptionV3.head
    if keep_resolution:
        downsample = training.choose(trial, "downsample", (1, 2))
        head = training.choose(trial, "head", HEADS)
    dropout = 0.0
    if head != "soft_argmax":
        dropout = trial.suggest_float("dropout", 0.0, 0.6)
    return {
        "model": InceptionV3(
            blocks=(
                trial.suggest_int("five", 1, 4),
                trial.suggest_int("seven", 1, 6),
                trial.suggest_int("three", 1, 3),
            ),
            width=trial.suggest_float("width", 0.25, 1.5, log=True),
            dropout=dropout,
            head=head,
            keep_resolution=keep_resolution,
            downsample=downsample,
        ),
        **training.training(trial),
    }
