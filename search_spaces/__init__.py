"""What is searched: plain Python functions, with hypothesis and budget written above them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:  # a bare GPU machine has no Optuna, and best_recipe.py needs none
    from optuna.trial import BaseTrial

    from fkd_core.models.base import Architecture


class Space(Protocol):
    """What the file of a model holds."""

    __file__: str
    REFERENCE: Mapping[str, Any]
    """Parameters that rebuild the reference; the first trial."""
    IMAGES_A_SECOND: float
    """What one CPU core trains of the reference's configuration, for estimates."""

    def space(self, trial: BaseTrial) -> dict[str, Any]:
        """The architecture under ``model``, and what ``training`` gives."""


def of_model(name: str) -> Space:
    """The search space of a Level-1 model: the file of its name in this folder.

    Raises ModuleNotFoundError where there is none.
    """
    return cast(Space, importlib.import_module(f"{__name__}.{name}"))


_GROWTH = 1.7
"""Cost grows by this power of the width: with 24 channels in place of 16, `plain` takes twice as
long."""


def images_a_second(model: Architecture) -> float:
    """What one CPU core trains of this model, about: as its reference configuration, or less where
    it is wider. Raises ModuleNotFoundError where the model has no search space."""
    wider: float = getattr(model, "width", 1) / getattr(type(model)(), "width", 1)
    speed = of_model(model.name).IMAGES_A_SECOND / wider**_GROWTH
    return float(speed)
