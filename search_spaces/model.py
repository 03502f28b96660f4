"""What is tried of a Level-1 model: its own file, and what all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import BaseTrial

from fkd_core.augment.policy import Policy
from fkd_core.errors import UserError, did_you_mean
from fkd_core.fitting.spec import FitSpec
from fkd_core.models import MODELS
from search_spaces import of_model, training
from search_spaces.augmentation import COPIES, reference
from search_spaces.best_recipe import LAST, LONG
from search_spaces.cascade import ALIGNED, bare, straightened

CHAIN = f"{ALIGNED}{LAST.model.name}"
"""The last stage of the best recipe."""


@dataclass(frozen=True)
class ModelSpace:
    """What a tuning tries of one model."""

    name: str
    """Its name, ``aligned-`` before it for the last stage of a cascade: see ``cascade``."""

    @property
    def reference(self) -> Mapping[str, Any]:
        """Parameters that rebuild the reference; the first trial."""
        return of_model(bare(self.name)).REFERENCE

    @property
    def hypothesis(self) -> Mapping[str, Any]:
        """Parameters of the same model, trained as is thought to be better."""
        return training.hypothesis(self.reference)

    @property
    def trained_by(self) -> Set[str]:
        """Parameters that say how a model is trained, whichever it is."""
        return training.REFERENCE.keys() | {"weight_decay"}

    @property
    def images_a_second(self) -> float:
        """What one CPU core trains of the reference's configuration, for estimates."""
        return of_model(bare(self.name)).IMAGES_A_SECOND

    @property
    def files(self) -> tuple[Path, Path]:
        """The two that decide what is tried."""
        return _file(bare(self.name)), Path(training.__file__)

    @property
    def unsearched(self) -> tuple[Policy, str]:
        """Augmentations where none were searched, and whose they are."""
        if self.name == bare(self.name):
            return reference(), "the reference's"
        return LONG.policy, "the best recipe's"

    @property
    def copies(self) -> int:
        """Renderings of a face."""
        return COPIES

    def space(self, trial: BaseTrial) -> dict[str, Any]:
        """The architecture under ``model``, and what ``training.training`` gives."""
        return of_model(bare(self.name)).space(trial)

    def whole(self, spec: FitSpec) -> FitSpec:
        """The fit of this model by itself, behind the first stage if there is one."""
        return straightened(spec) if self.name != bare(self.name) else spec


def tuned_models(asked: Sequence[str]) -> tuple[str, ...]:
    """The models a user means: by name, also with ``aligned-`` before it, `all`, or none for the
    best recipe's last stage.

    Raises UserError for an unknown name.
    """
    chosen = tuple(MODELS) if "all" in asked else asked or (CHAIN,)
    for name in map(bare, chosen):
        if name not in MODELS:
            raise UserError(
                f"--models: there is no model {name!r}; {did_you_mean(name, MODELS)}choose from "
                f"all, {', '.join(MODELS)}, or one of these with {ALIGNED} before it"
            )
        if not _file(name).exists():
            raise UserError(
                f"--models: {name} has no search space; write {_file(name)} (see "
                "docs/extending.md)"
            )
    return tuple(dict.fromkeys(chosen))


def _file(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.py")
