"""The steps of the ladder (ladder.py), from the reference's recipe to the best one.

Another step is another line here; what it trains is made once and kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fkd_core.ensemble.views import VIEWS
from fkd_core.experiments.reference_recipe import counterparts
from fkd_core.fitting.spec import FitSpec
from fkd_core.models.gated import Gated
from fkd_core.models.lenet5 import LeNet5
from fkd_core.models.plain import Plain
from fkd_core.models.res import Res
from fkd_core.sources import SPECIALISTS
from search_spaces.best_recipe import FIND, LAST, LONG, MILD, TTA, Stage

FIRST = replace(FIND, pictures=60_000)
SECOND = Stage(Plain(), 60_000, MILD)
THIRD = Stage(Plain(), 80_000, LONG, 3e-3)


@dataclass(frozen=True)
class Step:
    """One step of the ladder."""

    name: str
    says: str
    against: str | None
    """Name of the step that it is compared with."""
    fits: tuple[FitSpec, ...]
    """What answers: the mean of those that were taught a source's style."""
    view: str = "none"
    """A name in VIEWS."""


def ladder(faces: int, share: float, seed: int) -> list[Step]:
    """All steps, for so many training faces in a fold and this share of all lengths."""

    def spec(stage: Stage, before: FitSpec | None = None, **other: Any) -> FitSpec:
        found = replace(stage, pictures=round(stage.pictures * share)).spec(faces, before)
        return replace(found, training=replace(found.training, **other))

    light = spec(replace(FIRST, model=LeNet5.light()))
    specialists = tuple(replace(light, pipeline=name) for name in SPECIALISTS)
    # About half of the faces are each specialist's.
    reference = counterparts(
        light, lambda name, _: faces if name == light.pipeline else faces // 2, seed
    )
    plain = spec(FIRST)
    longer = spec(replace(FIRST, pictures=2 * FIRST.pictures))
    aligned = spec(SECOND, plain)
    third = spec(THIRD, aligned)
    steady = spec(THIRD, aligned, lighter_end=0.0)
    res = spec(replace(THIRD, model=Res()), aligned)
    wider = spec(replace(THIRD, model=Plain(width=24)), aligned)
    last = replace(THIRD, pictures=SECOND.pictures + THIRD.pictures)
    straight = spec(last, plain)
    gated = spec(replace(last, model=Gated()), plain)
    decayed = spec(replace(last, model=Gated(), decay=LAST.decay), plain)
    steps = [
        Step("reference", "lenet5, the reference's recipe", None, tuple(reference)),
        Step("specialists", "light lenet5, best recipe's training", "reference", specialists),
        Step("joint", "one for both annotators, equal steps", "specialists", (light,)),
        Step("plain", "plain instead of lenet5", "joint", (plain,)),
        Step("batch64", "batches of 64, equal pictures", "plain", (spec(FIRST, batch_size=64),)),
        Step("longer", "trained twice as long", "plain", (longer,)),
        Step("aligned", "an aligned second stage instead", "longer", (aligned,)),
        Step("realigned", "a longer third stage", "aligned", (third,)),
        Step("steady", "third stage without lighter end", "realigned", (steady,)),
        Step("res", "third stage with res", "realigned", (res,)),
        Step("wider", "third stage with 24 channels", "realigned", (wider,)),
    ]
    for view in VIEWS:
        against = {"mirror": "realigned", "settled": "warps", "settled_few": "settled"}
        if view != "none":
            other = against.get(view, "mirror")
            steps.append(Step(view, f"realigned, views: {view}", other, (third,), view))
    settled = TTA["full"]
    says = "one last stage in place of two, equal pictures"
    steps.append(Step("straight", says, "realigned", (straight,)))
    steps.append(
        Step("straight_settled", f"straight, views: {settled}", settled, (straight,), settled)
    )
    steps.append(Step("gated", "gated as its last stage", "straight_settled", (gated,), settled))
    steps.append(Step("decayed", "gated with more weight decay", "gated", (decayed,), settled))
    steps.append(
        Step("mean", f"mean of realigned and wider, {settled}", settled, (third, wider), settled)
    )
    return steps
