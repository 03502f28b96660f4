"""What errs least for the minutes it takes on two cores?

A cascade of two small networks, each a fit like any other: the first finds the points in the
picture as it is, the second in pictures warped so that the points of the first lie on the mean
face, where faces vary little and a small network suffices. When a picture is asked about, the
second is asked again where it found the face itself. Every network learns both annotators' faces
at once, each in its own style.

Hypothesis: at equal compute, a network that need not learn where, how large and how tilted a face
is beats a larger one that must. A rough first stage is enough, and better than a third one: the
last one learns to stand what the first leaves, and so gains by being asked again. Minutes go into
its steps, then into width; where labels are the limit, into fits on all faces, which answer test
images in place of the folds' fits. Gates, and a convolution on the smallest map, let a small
network see the whole face for next to nothing.

Fixed, after prototypes on real faces: batches of 32, AdamW with betas 0.9 and 0.99, at 2e-3 with
decay 0.02, in last stages at 3e-3 with 0.3, 5% warm-up, cosine to 0, fresh copies every epoch,
weaker ones at the end; mild augmentation, milder in short stages than in long ones. What was
measured is in docs/accuracy.md.

    python experiments/build_ensemble.py --data FOLDER --recipe best
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models.base import Architecture
from fkd_core.models.gated import Gated
from fkd_core.models.plain import Plain
from fkd_core.models.res import Res

PIPELINE = "joint"
"""One network for both annotators' faces."""
TTA = {"smoke": "settled_few", "quick": "settled", "full": "settled"}
"""Test-time augmentation by preset: names in ``fkd_core.ensemble.views.VIEWS``."""
STACKERS = ("mean", "weights", "ridge", "lasso")
"""Ways to combine that take seconds; the elastic net and the neural one take minutes."""


@dataclass(frozen=True)
class Jitter:
    """How far training pictures are moved and relit, at most."""

    degrees: float
    zoom: float
    """0.09 is up to 1.09 times larger or smaller."""
    pixels: float
    slant: float
    """Degrees."""
    gamma: float = 1.22
    """Largest exponent of gray levels."""
    light: float = 0.2
    """Of a gradient, at the border."""
    squares: float = 0.0
    """Probability that one to three squares of 10 px are covered."""

    @property
    def policy(self) -> Policy:
        """All of it for every copy, each drawn anew, and every other one mirrored."""
        amounts = {
            "rotation": self.degrees,
            "scale": self.zoom,
            "shift": self.pixels,
            "shear": self.slant,
            "aspect": 0.02,
            "gamma": self.gamma,
            "light_gradient": self.light,
        }
        squares = (Step("coarse_dropout", self.squares, 0.0),) if self.squares else ()
        return Policy((Step("mirror", 0.5), *map(_step, amounts, amounts.values()), *squares))


def _step(name: str, amount: float) -> Step:
    """The step that draws up to this amount, in the transform's unit."""
    transform = TRANSFORMS[name]
    strength = (amount - transform.weakest) / (transform.strongest - transform.weakest)
    if strength >= 0.0:
        return Step(name, 1.0, strength)
    nothing = transform.nothing
    return Step(name, 1.0, 0.0, (amount - nothing) / (transform.weakest - nothing))


@dataclass(frozen=True)
class Stage:
    """One network of a cascade."""

    model: Architecture
    pictures: int
    """Shown in all, about: whole epochs of fresh copies."""
    jitter: Jitter
    rate: float = 2e-3
    """Highest learning rate."""
    decay: float = 0.02
    """Of kernels, in shares of the rate a step."""
    batch: int = 32

    def spec(self, faces: int, before: FitSpec | None) -> FitSpec:
        """Its fit on so many training faces, after the stage before."""
        return FitSpec(
            model=self.model,
            pipeline=PIPELINE,
            training=Training(
                epochs=max(1, round(self.pictures / max(1, faces))),
                batch_size=self.batch,
                learning_rate=self.rate,
                beta_2=0.99,
                schedule="cosine",
                warmup=0.05,
                weight_decay=self.decay,
                lighter_end=0.2,
            ),
            policy=self.jitter.policy,
            copies=None,
            aligned_by=before,
        )


FIND = Stage(Plain(), 36_000, Jitter(8.0, 0.09, 3.0, 1.7))
"""Finds the points in the picture as it is: roughly, for the views settle what is left."""
MILD = Jitter(6.0, 0.075, 2.5, 2.3)
"""What a short last stage bears."""
LONG = Jitter(9.0, 0.11, 3.2, 3.4, gamma=1.28, light=0.3, squares=0.2)
"""What a stage of many epochs bears."""

LAST = Stage(Gated(), 128_000, LONG, 3e-3, decay=0.3)
"""Finds them anew where the face is upright and as large as all."""

CASCADES: dict[str, tuple[tuple[Stage, ...], ...]] = {
    "smoke": ((replace(FIND, pictures=12_000), Stage(Gated(), 12_000, MILD)),),
    "quick": ((FIND, LAST),),
    "full": ((FIND, replace(LAST, model=Gated(width=24), pictures=340_000)),),
}
"""Members by preset, each a cascade; what cascades begin with alike is trained once. In full a
second one, of another width, was worth 0.004 px; its time is worth more in REFITS."""

_LONGER = Jitter(12.0, 0.13, 4.0, 3.4, gamma=1.28, light=0.3, squares=0.3)
_BEFORE = replace(FIND, pictures=200_000)
ON_GPU: tuple[tuple[Stage, ...], ...] = (
    (_BEFORE, Stage(Res(width=64, every=True, downsample=1), 900_000, _LONGER, 3e-3, batch=128)),
    (_BEFORE, Stage(Gated(width=64), 1_500_000, _LONGER, 3e-3, 0.3, 128)),
)
"""Members whose last stages are for a GPU: benchmarks/best_on_gpu.py trains them. Their widths,
lengths and batches are guesses until it was run on one."""

REFITS = {"smoke": 0, "quick": 0, "full": 5}
"""Fits of each member on all faces, by preset, which answer test images in place of the folds'."""

FACES: dict[str, int | None] = {"smoke": 1_000, "quick": None, "full": None}
"""Faces that may train, thinned by image group; None for all."""


def pipeline(annotators: Sequence[str]) -> str:
    """All annotators' faces teach one network; where there are faces of one alone, its."""
    return PIPELINE if len(annotators) != 1 else annotators[0]


def members(preset: str, faces: int) -> list[FitSpec]:
    """The configurations of a preset, for so many training faces in a fold."""
    return [chain(cascade, faces) for cascade in CASCADES[preset]]


def chain(cascade: Sequence[Stage], faces: int) -> FitSpec:
    """The last of these stages, aligned by the one before, and so on; for so many training
    faces in a fold."""
    first, *others = cascade
    spec = first.spec(faces, None)
    for stage in others:
        spec = stage.spec(faces, spec)
    return spec
