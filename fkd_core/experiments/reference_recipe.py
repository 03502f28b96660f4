"""What does the reference's own recipe reach under our rules?

Reproduces the solution that scored 1.28637 in the competition, layer by layer and number by number
where it is known, without its leaks: ten models at its hyperparameters, Adam 1e-3 with early
stopping on a tenth of the training faces, its augmentations as copies, five folds, all pairwise
products of each model's predictions, and one multi-task elastic net (alpha 0.1, l1_ratio 1, not
scaled) a pipeline; no test-time augmentation. Folds go by image group here, and no fold that
decides when to stop is scored, so its error is honest and higher than what it saw itself.

It has no networks of our own (plain, gated, res, unet): where an ensemble has them, they train as
in their first trial in this arm too.

Every improvement is measured against it, with equal gradient steps for each model in both arms:

    python experiments/build_ensemble.py --data FOLDER --against-reference
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fkd_core.ensemble.stacking.sparse import ElasticNet
from fkd_core.fitting.schedule import steps_per_epoch
from fkd_core.fitting.spec import FitSpec
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.sources import PIPELINES
from search_spaces import augmentation
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS

STACKER = ElasticNet(alpha=0.1, l1_ratio=1.0, standardise=False)
TTA = "none"


Taught = Callable[[str, int | None], int]
"""How many faces of a pipeline may train in a fold, with a limit of faces."""


def counterparts(spec: FitSpec, taught: Taught, seed: int) -> list[FitSpec]:
    """The reference's configurations of a spec's model, which together take as many gradient steps
    on as many faces as all stages of the spec do: one for each source, as the reference has
    specialists."""
    sources = PIPELINES[spec.pipeline].sources
    limit = spec.split.limit and max(1, spec.split.limit // len(sources))
    own = replace(BUDGETS["full"], faces=limit)
    policy, space = augmentation.reference(), ModelSpace(spec.model.name)
    plans = [TuningPlan(space, source, own, policy, seed) for source in sources]
    ours = taught(spec.pipeline, spec.split.limit)
    steps = sum(
        stage.training.epochs * steps_per_epoch(_gradients(stage, ours), stage.training.batch_size)
        for stage in spec.stages
    )
    theirs = [_gradients(plan.reference, taught(plan.pipeline, limit)) for plan in plans]
    return [plan.reference_with(steps, *theirs) for plan in plans]


def _gradients(spec: FitSpec, faces: int) -> int:
    """How many of the faces that may train give gradients, and do not decide when to stop."""
    return int(faces * (1 - spec.split.stop_share))
