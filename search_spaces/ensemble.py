"""What is an ensemble made of?

Hypothesis: networks of different form err differently, so their combination errs less than the
best of them; how they are combined matters less than how different they are, so a plain mean is
hard to beat, and ships unless a stacker beats it with confidence.

Every member is trained once for each of five folds and each seed, on all faces. Nothing is tuned
here: members bring their own training, and stackers choose their regularisation inside the faces
they are given, by the same grouped cross-validation. Stackers are compared on sets search and
confirm, and scored once on set final.

Cost: five fits a model, pipeline and seed; `--dry-run` says how long that takes. With the models
that ``tune_models.py`` found on the same data:

    python experiments/build_ensemble.py --data FOLDER
"""

from __future__ import annotations

from dataclasses import dataclass

from fkd_core.models import MODELS


@dataclass(frozen=True)
class Budget:
    """How much a preset builds; used where a model brings no tuned configuration, and where the
    user says nothing else."""

    models: tuple[str, ...]
    """Members of both pipelines, where none is tuned."""
    epochs: int
    """Of members without a tuned configuration."""
    faces: int | None
    """Faces that may train, thinned by image group; None for all."""
    folds: int = 5
    """K, of members and of the judging of stackers."""


BUDGETS: dict[str, Budget] = {
    "smoke": Budget(("lenet5", "local2d"), 12, 320),
    "quick": Budget(("lenet5", "local2d"), 30, None),
    "full": Budget(tuple(MODELS), 300, None),
}
