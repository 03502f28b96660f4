"""Which augmentations help, how strong and how often?

Hypothesis: faces differ in place, size and tilt more than 1,000 labelled ones can show, so
geometric copies lower the error of a network that would else overfit; most gray-level changes do
little, for the inputs are standardised and the photographs alike.

Scientific: the transform, its strength, its probability. Nuisance: none is tuned; the probe (a
light LeNet5, 48 x 48, or with `--probe cascade` a compact network that sees faces straightened;
Adam 2e-3 with warm-up and cosine, batches of 32) is the same in both arms, and long enough to
overfit, for a probe that stops before it overfits finds every augmentation harmful. Fixed: 16
copies of every face, equal gradient steps, weights and batch order.

Reference values reached: rotation 5/9/13 degrees, shift 5 px, brighten 1.2 and 1.5, dim 0.8 and
0.6, contrast 1.2 to 2, CLAHE, noise 0.008, sharpen, elastic; and its rejects, box blur and
smoothing. Expected on the competition's faces: rotation, shift, scale and mirror help by 0.1 to
0.4 px each. Time on 2 cores: smoke 2 minutes, quick 15 to 30, full 1 to 2 hours.

    python experiments/search_augment.py --data FOLDER --preset full
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import BaseTrial

from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.data.folds import Split
from fkd_core.errors import UserError, did_you_mean
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models.base import Architecture
from fkd_core.models.gated import Gated
from fkd_core.models.lenet5 import LeNet5
from search_spaces.cascade import straightened


@dataclass(frozen=True)
class Probe:
    """A network that augmentations are judged by."""

    model: Architecture
    aligned: bool = False
    """Whether it is the last stage of a cascade, so that it sees faces straightened."""
    images_a_second: float = 4000
    """What a worker trains of it on one core, for estimates."""


PROBES = {
    "light": Probe(LeNet5.light()),
    "cascade": Probe(Gated(), aligned=True, images_a_second=620),
}
"""A light LeNet5, of which minutes buy much evidence; and what ships with the best recipe, which
takes six times as long."""
FILES: tuple[Path, ...] = (Path(__file__),)
"""Those that decide what is tried."""
COPIES = 16
"""Renderings of a face; an epoch shows one of them."""
ALONE = 0.5
"""Probability while a transform is judged alone."""
CONTROL = "mirror_without_swap"
"""Known to do harm: if it is not found harmful, the evidence is not to be trusted."""
TELLING = ("rotation", "shift", "scale", "mirror", "brighten", "box_blur")
"""The candidates of smoke and quick: four that should help, two that should hardly matter."""


@dataclass(frozen=True)
class Budget:
    """How much evidence a preset buys."""

    strengths: tuple[float, ...]
    """Grid of the screen."""
    faces: int
    """Faces that may train, thinned by image group before the held-out fold is taken out."""
    epochs: int
    """Length of every fit, in every stage."""
    screen_pairs: int
    """Pairs (fold, seed) a strength is screened on."""
    confirmed: int
    """Candidates confirmed at most, the best of the screen."""
    confirm_pairs: int
    compose_trials: int
    """Compositions Optuna tries."""
    compose_pairs: int
    meeting_pairs: int
    """Pairs on which composition, none and uniform choice meet; the policy is chosen there."""
    final_pairs: int
    """Pairs on which the chosen policy and none meet on faces that chose nothing."""
    ablation_pairs: int = 0
    """Pairs of the meeting on which each transform of the composition is left out once."""
    folds: int = 2
    """K: parts of the scored set; each fit holds out one."""
    lag: int = 4
    """W: how far Optuna's proposals lag behind results; bounds the trials at a time."""

    @property
    def training(self) -> Training:
        """The probe's training."""
        return Training(
            epochs=self.epochs,
            batch_size=32,
            learning_rate=2e-3,
            schedule="cosine",
            warmup=0.05,
        )


BUDGETS: dict[str, Budget] = {
    "smoke": Budget((0.5,), 160, 40, 1, 3, 3, 3, 1, 2, 2),
    "quick": Budget((0.3, 0.8), 320, 100, 2, 6, 10, 6, 2, 6, 6),
    "full": Budget((0.0, 0.5, 1.0), 900, 100, 2, 8, 10, 12, 2, 6, 10, ablation_pairs=4, lag=8),
}


def base(pipeline: str, budget: Budget, seed: int, probe: str) -> FitSpec:
    """The fit without augmentation that everything is compared with: a network of PROBES, judged
    by this pipeline's faces."""
    judge = PROBES[probe]
    alone = FitSpec(
        model=judge.model,
        pipeline=pipeline,
        split=Split(folds=budget.folds, seed=seed, limit=budget.faces),
        training=budget.training,
        copies=COPIES,
        copy_seed=seed,
    )
    return straightened(alone) if judge.aligned else alone


def images_a_second(probe: str) -> float:
    """What a worker trains of a network of PROBES on one core."""
    return PROBES[probe].images_a_second


def candidates(asked: Sequence[str], preset: str) -> tuple[str, ...]:
    """The candidates a user means: by name, `all`, or none for the preset's own.

    Raises UserError for an unknown name.
    """
    everything = tuple(name for name, t in TRANSFORMS.items() if t.candidate)
    if not asked:
        return everything if preset == "full" else TELLING
    if "all" in asked:
        return everything
    for name in asked:
        if name not in everything:
            raise UserError(
                f"--transforms: there is no candidate {name!r}; "
                f"{did_you_mean(name, everything)}choose from all, {', '.join(everything)}"
            )
    return tuple(dict.fromkeys(asked))


def alone(transform: str, strength: float | None) -> Policy:
    """The policy under which a transform is judged by itself."""
    return Policy((Step(transform, ALONE, strength),))


def strength(trial: BaseTrial, strengths: Sequence[float]) -> dict[str, Any]:
    """The screen of one transform: its strength, from the grid."""
    return {"strength": trial.suggest_float("strength", min(strengths), max(strengths))}


def composition(trial: BaseTrial, transforms: dict[str, bool]) -> dict[str, Any]:
    """The composition: probability of every transform (0 leaves it out), and strength where it has
    one."""
    values: dict[str, Any] = {}
    for name, has_strength in transforms.items():
        values[f"{name}.probability"] = trial.suggest_float(f"{name}.probability", 0.0, 0.9)
        if has_strength:
            values[f"{name}.strength"] = trial.suggest_float(f"{name}.strength", 0.0, 1.0)
    return values


def composed(values: dict[str, Any]) -> Policy:
    """The policy that ``composition``'s values describe."""
    names = [name.removesuffix(".probability") for name in values if name.endswith("probability")]
    return Policy(
        tuple(
            Step(name, values[f"{name}.probability"], values.get(f"{name}.strength", 0.5))
            for name in names
            if values[f"{name}.probability"] > 0
        )
    )


def uniform_choice(transforms: Sequence[str]) -> Policy:
    """One transform or none, each copy anew, at a strength drawn anew (TrivialAugment)."""
    return Policy(tuple(Step(name, ALONE, None) for name in transforms), "one")


def reference() -> Policy:
    """What the reference trains under, near enough: one of its operations or none a copy. Its
    single warp and fixed factors are drawn anew here, up to the same amounts."""
    strengths = {
        "mirror": 0.5,
        "rotation": 0.3125,  # 9 degrees
        "shift": 0.3,  # 5 px
        "brighten": 0.0,  # 1.2 times
        "dim": 0.0,  # 0.8 times
        "contrast_stretch": 0.0,  # 1.2 times
        "clahe": 0.5,  # clip limit 0.03
        "elastic": 1.0,  # 1.5 px
    }
    return Policy(tuple(Step(name, ALONE, s) for name, s in strengths.items()), "one")
