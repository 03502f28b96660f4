"""What does a network gain that sees every face straightened?

Any Level-1 model can be the last stage of a cascade: its name with ``aligned-`` before it stands
for the model behind a first one, which finds the points by which every picture is straightened.
The first stage is best_recipe's, and trains no longer than the model itself; it is a fixed part
of what is compared, and searches share it.

    python experiments/tune_models.py --models gated aligned-gated
    python experiments/search_augment.py --probe cascade
"""

from __future__ import annotations

from dataclasses import replace

from fkd_core.fitting.spec import FitSpec
from search_spaces.best_recipe import FIND

ALIGNED = "aligned-"
EPOCHS = 20
"""Of the first stage at most, where all faces may train; of fewer, as many pictures."""


def bare(name: str) -> str:
    """The model's own name."""
    return name.removeprefix(ALIGNED)


def straightened(spec: FitSpec) -> FitSpec:
    """The fit as the last stage of a cascade: what it says of faces, seeds and backend holds for
    the first stage too."""
    epochs = max(EPOCHS, FIND.pictures // spec.split.limit) if spec.split.limit else EPOCHS
    find = FIND.spec(1, None)
    first = replace(
        spec,
        model=find.model,
        policy=find.policy,
        copies=find.copies,
        training=replace(find.training, epochs=min(epochs, spec.training.epochs)),
    )
    return replace(spec, aligned_by=first)
