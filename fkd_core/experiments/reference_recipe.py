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

from dataclasses import replace

from fkd_core.ensemble.stacking.sparse import ElasticNet
from fkd_core.fitting.spec import FitSpec
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.sources import PIPELINES
from search_spaces import augmentation
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS

STACKER = ElasticNet(alpha=0.1, l1_ratio=1.0, standardise=False)
TTA = "none"


def counterparts(spec: FitSpec, seed: int) -> list[FitSpec]:
    """The reference's configurations of a spec's model, which together take as many gradient steps
    on as many faces as the spec does: one for each source, as the reference has specialists."""
    sources = PIPELINES[spec.pipeline].sources
    return [_counterpart(spec, source, len(sources), seed) for source in sources]


def _counterpart(spec: FitSpec, source: str, sources: int, seed: int) -> FitSpec:
    limit = spec.split.limit and max(1, spec.split.limit // sources)
    own = replace(BUDGETS["full"], faces=limit)
    policy = augmentation.reference()
    plan = TuningPlan(ModelSpace(spec.model.name), source, own, policy, seed)
    shares = sum(stage.training.epochs / stage.training.batch_size for stage in spec.stages)
    return plan.reference_of(max(1, round(shares * plan.reference.training.batch_size)))
