"""Level-1 architectures: one file each, found by itself. Keras is imported only to build one."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

from fkd_core.models.base import Architecture

__all__ = ["MODELS", "Architecture", "from_json", "load"]


def _found() -> dict[str, type[Architecture]]:
    models: dict[str, type[Architecture]] = {}
    for module in pkgutil.iter_modules(__path__):
        for value in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            is_model = inspect.isclass(value) and issubclass(value, Architecture)
            if is_model and not inspect.isabstract(value):
                models[value.name] = value
    return models


MODELS: dict[str, type[Architecture]] = _found()
"""Name to dataclass of hyperparameters, for every file beside this one."""


def from_json(data: dict[str, Any]) -> Architecture:
    """The architecture that ``Architecture.to_json`` wrote.

    Raises ValueError for an unknown name or hyperparameter, or a value outside its range.
    """
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "name"}
    name = data.get("name")
    if name not in MODELS:
        raise ValueError(f"there is no model {name!r}; the models are {', '.join(MODELS)}")
    try:
        return MODELS[name](**values)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from error


def load(path: Path) -> Any:
    """The keras.Model saved in a ``.keras`` file. Nothing in the file is run as code."""
    import keras

    import fkd_core.layers  # noqa: F401  # registers them

    return keras.saving.load_model(path, safe_mode=True)
