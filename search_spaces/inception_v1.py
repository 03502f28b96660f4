"""Do the auxiliary heads earn their share of the prediction?

Hypothesis: the first auxiliary head sees 2 x 2 places after three of nine modules, so an equal
share of the prediction is too much for it, while its loss still helps the trunk to learn; and a
network of 22 layers without normalisation, ending at 3 x 3, should gain most from batch
normalisation and from 12 x 12 positions to the end.

Scientific: resolution, width, normalisation, head, what the auxiliary heads count in loss and
prediction. Nuisance: activation, dropout, training. Reference, tried first: the published
widths, three heads of equal count in both, average head, ReLU, no normalisation, dropout 0.2 in
the trunk and 0.3 before the outputs, 96 x 96. Width is a factor on its channels.

Cost: a fit of 60 epochs on 1,200 training faces takes about 12 minutes on one CPU core,
three times that with keep_resolution.

    python experiments/tune_models.py --models inception_v1 --data FOLDER
"""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from fkd_core.models.base import NORMALISATIONS
from fkd_core.models.inception_v1 import InceptionV1
from search_spaces import training

IMAGES_A_SECOND = 96
"""What one CPU core trains of the reference's configuration, for estimates."""

REFERENCE: dict[str, Any] = training.REFERENCE | {
    "downsample": 1,
    "keep_resolution": False,
    "width": 1.0,
    "activation": "relu",
    "normalisation": "none",
    "head": "average",
    "auxiliary_loss": 1.0,
    "auxiliary_share": 1.0,
    "trunk_dropout": 0.2,
    "dropout": 0.3,
}


def space(trial: BaseTrial) -> dict[str, Any]:
    """The model and its training."""
    # Never 0: a head that shares in the prediction must be taught.
    loss = trial.suggest_float("auxiliary_loss", 0.1, 3.0, log=True)
    share = trial.suggest_float("auxiliary_share", 0.0, 1.5)
    return {
        "model": InceptionV1(
            head_losses=(1.0, loss, loss),
            blend=(1.0, share, share),
            width=trial.suggest_float("width", 0.25, 1.5, log=True),
            activation=training.choose(trial, "activation", ("relu", "elu", "silu")),
            normalisation=training.choose(trial, "normalisation", NORMALISATIONS),
            trunk_dropout=trial.suggest_float("trunk_dropout", 0.0, 0.5),
            dropout=trial.suggest_float("dropout", 0.0, 0.6),
            head=training.choose(trial, "head", ("flatten", "average")),
            keep_resolution=training.choose(trial, "keep_resolution", (False, True)),
            downsample=training.choose(trial, "downsample", (1, 2)),
        ),
        **training.training(trial),
    }
