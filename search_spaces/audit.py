"""Who judges the labels?

Hypothesis: where networks of different form agree on a face that none of them has seen, and its
label says something else, the label is wrong; one network alone errs too often to say so. So a
cascade of the best recipe is asked, which errs least, and beside it two of the reference's
networks: one that looks at the picture as it is, and so fails on other faces, and one in the place
of the last stage, which shares where the first stage found the face and nothing else.

Fixed: everything is trained as `best_recipe` trains, on all faces of both annotators; members of
the cascade are that recipe's own fits, so `build_ensemble.py --recipe best` at the same preset
(`quick`, `full`) leaves nothing of them to be trained.

Cost: five fits a member; `quick` takes about 4 minutes on two cores after the ensemble of `quick`,
and `--dry-run` tells what the others take.

    python experiments/audit_labels.py --data FOLDER
"""

from __future__ import annotations

from dataclasses import replace

from fkd_core.fitting.spec import FitSpec
from fkd_core.models.conv5 import Conv5
from fkd_core.models.lenet5 import LeNet5
from search_spaces import best_recipe
from search_spaces.best_recipe import FIND, MILD, Stage

FOLDS = 5
"""K: every face is judged by fits that saw four fifths of the others."""
PICTURES = {"smoke": 12_000, "quick": 48_000, "full": 160_000}
"""Shown to each of the networks beside the cascade, by preset."""
SMALL_CONV5 = Conv5((16, 32, 64), (0.0,) * 3, (128, 64), dropout=0.0, downsample=2)
"""On pictures of 48 x 48, without dropout: short fits have no use for it."""


def members(preset: str, faces: int, epochs: int | None = None) -> list[FitSpec]:
    """The configurations of a preset, for so many training faces in a fold, or with fits of so
    many epochs; the cascades first."""
    cascades = best_recipe.members(preset, faces)
    pictures = PICTURES[preset]
    found = [
        *cascades,
        Stage(LeNet5.light(), pictures, FIND.jitter).spec(faces, None),
        Stage(SMALL_CONV5, pictures, MILD).spec(faces, cascades[0].stages[0]),
    ]
    return found if epochs is None else [_of_length(spec, epochs) for spec in found]


def _of_length(spec: FitSpec, epochs: int) -> FitSpec:
    """The configuration with every stage this long."""
    before = spec.aligned_by and _of_length(spec.aligned_by, epochs)
    return replace(spec, aligned_by=before, training=replace(spec.training, epochs=epochs))
