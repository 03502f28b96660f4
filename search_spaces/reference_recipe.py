"""What does the reference's own recipe reach under our rules?

Reproduces the solution that scored 1.28637 in the competition, layer by layer and number by number
where it is known, without its leaks: ten models at its hyperparameters, Adam 1e-3 with early
stopping on a tenth of the training faces, its augmentations as copies, five folds, all pairwise
products of each model's predictions, and one multi-task elastic net (alpha 0.1, l1_ratio 1, not
scaled) a pipeline; no test-time augmentation. Folds go by image group here, and no fold that
decides when to stop is scored, so its error is honest and higher than what it saw itself.

It has no compact networks (plain, res): where an ensemble has them, they train as in their first
trial in this arm too.

Every improvement is measured against it, with equal gradient steps for each model in both arms:

    python experiments/build_ensemble.py --data FOLDER --against-reference
"""

from __future__ import annotations

from dataclasses import replace

from fkd_core.ensemble.stacking.sparse import ElasticNet
from fkd_core.fitting.spec import FitSpec
from fkd_core.search.tuning_plan import TuningPlan
from search_spaces import augmentation
from search_spaces.training import BUDGETS

STACKER = ElasticNet(alpha=0.1, l1_ratio=1.0, standardise=False)
TTA = "none"


def counterpart(spec: FitSpec, seed: int) -> FitSpec:
    """The reference's configuration of a spec's model, which takes as many gradient steps on as
    many faces as the spec does."""
    own = replace(BUDGETS["full"], faces=spec.split.limit)
    policy = augmentation.reference()
    reference = TuningPlan(spec.model.name, spec.pipeline, own, policy, seed).reference
    ratio = reference.training.batch_size / spec.training.batch_size
    epochs = max(1, round(spec.training.epochs * ratio))
    patience = max(10, epochs // 10) if reference.training.patience else None
    training = replace(reference.training, epochs=epochs, patience=patience)
    return replace(reference, training=training)
