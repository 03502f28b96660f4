"""How should a Level-1 model be trained? The part that all search spaces share.

Hypothesis: the reference trains all models alike (Adam 1e-3, constant, batches of 128), so some
of its differences between architectures are differences in how well one recipe suits them. Each
model gets its own: a falling rate, an average of the weights and decay should help all of them.

Nuisance, all of it: these are tuned so that architectures are compared at their best (see
Google's Deep Learning Tuning Playbook). Fixed within a preset: epochs, faces, copies, policy. An
early-stopping trial gives a tenth of its training faces away to decide when.

Budgets are equal for all models: so many trials (or hours) of equal epochs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from optuna.trial import BaseTrial

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Budget:
    """How much a preset tunes. What is not said in trials holds for every fit."""

    trials: int
    """Configurations tried for each model and pipeline, the reference's among them."""
    epochs: int
    """Full length of every fit."""
    faces: int | None
    """Faces that may train, thinned by image group; None for all."""
    search_pairs: int
    """Fits (folds) a trial is scored on."""
    confirm_pairs: int = 3
    """Fresh seeds on which the best trials and the reference meet on set confirm."""
    final_pairs: int = 3
    """Fresh seeds on which winner and reference meet on set final."""
    confirmed: int = 3
    """Trials that come to set confirm, besides the reference."""
    folds: int = 2
    """K: parts of the scored set; each fit holds out one."""
    eta: int = 2
    """Of the trials that reach a quarter, and half, of the epochs, one in two goes on. (A third
    at a ninth was tried: it judged slow starters, with warm-up or averaged weights, too soon.)"""
    lag: int = 2
    """W: how far Optuna's proposals lag behind results; bounds a study's trials at a time."""
    random: int = 5
    """Trials before the sampler models what came before."""

    @property
    def looks(self) -> tuple[int, ...]:
        """Epochs of a trial's first fit after which it may be stopped: rungs of halving."""
        rungs = (round(self.epochs / self.eta**2), round(self.epochs / self.eta))
        return tuple(dict.fromkeys(r for r in rungs if 1 <= r < self.epochs))


BUDGETS: dict[str, Budget] = {
    "smoke": Budget(4, 4, 160, 1, 2, 2, 1, random=2),
    "quick": Budget(20, 60, 1500, 1),
    "full": Budget(60, 300, None, 2, 6, 6, lag=8, random=15),
}

REFERENCE: dict[str, Any] = {
    "learning_rate": 1e-3,
    "schedule": "constant",
    "warmup": 0.0,
    "log2_batch_size": 7,
    "decays": False,
    "beta_2": 0.999,
    "ema": 0.0,
    "early_stop": True,
}
"""The reference's values: always part of the first trial."""

HYPOTHESIS: dict[str, Any] = {
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "warmup": 0.05,
    "log2_batch_size": 5,
    "decays": False,
    "beta_2": 0.999,
    "ema": 0.0,
    "early_stop": False,
}
"""What is thought to be better: the reference's model trained so is the second trial, unless a
sibling's winner has shown what is."""

COMPACT: dict[str, Any] = HYPOTHESIS | {"decays": True, "weight_decay": 0.02, "beta_2": 0.99}
"""How the compact networks, which the reference has not, are trained in their first trial."""


def hypothesis(reference: Mapping[str, Any]) -> dict[str, Any]:
    """A model's first trial with HYPOTHESIS in place of what it takes from REFERENCE."""
    better = {name: v for name, v in HYPOTHESIS.items() if reference[name] == REFERENCE[name]}
    return {**reference, **better}


def training(trial: BaseTrial) -> dict[str, Any]:
    """Fields of ``fkd_core.fitting.spec.Training``, and whether to stop early."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "schedule": choose(trial, "schedule", ["constant", "cosine"]),
        "warmup": trial.suggest_float("warmup", 0.0, 0.1),
        "batch_size": 2 ** trial.suggest_int("log2_batch_size", 4, 7),
        "weight_decay": (
            trial.suggest_float("weight_decay", 1e-4, 0.5, log=True)
            if choose(trial, "decays", [False, True])
            else 0.0
        ),
        "beta_2": choose(trial, "beta_2", [0.999, 0.99]),
        "ema": choose(trial, "ema", [0.0, 0.98, 0.995]),
        "early_stop": choose(trial, "early_stop", [False, True]),
    }


def choose(trial: BaseTrial, name: str, choices: Sequence[Choice]) -> Choice:
    """``trial.suggest_categorical``, with the choices' own type."""
    return cast(Choice, trial.suggest_categorical(name, cast(Any, choices)))
